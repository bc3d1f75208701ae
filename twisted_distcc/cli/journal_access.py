"""Reading and showing a user's journal, as several commands do.

File names, reasons and what servers say are shown to a terminal only by `plain`.
"""

from __future__ import annotations

import os
import pwd
import sys
import time
from collections.abc import Iterable
from typing import Final

from twisted_distcc.client.journal.journal_file import JournalFile, Units
from twisted_distcc.client.journal.journal_writer import PAUSE
from twisted_distcc.client.journal.unit_record import (
    COMPILER,
    DELIVERY,
    HOST,
    INPUTS,
    LOCAL_SLOT,
    QUEUE,
    START,
    TRANSFER,
)
from twisted_distcc.client.settings import Settings
from twisted_distcc.errors import DistccError

_SETTLES: Final = 1.2 * PAUSE
_UNITS: Final = ("B", "kB", "MB", "GB", "TB")
_MINUTE: Final = 60
_HOUR: Final = 3600

PART_WORDS: Final = {
    START: "starting",
    INPUTS: "finding what to send",
    LOCAL_SLOT: "waiting for this machine",
    HOST: "waiting for a host",
    TRANSFER: "sending and receiving",
    QUEUE: "waiting on the server",
    COMPILER: "compiling",
    DELIVERY: "writing results",
}
"""What units spend their time on, for people."""


class NoJournalError(DistccError):
    """There is no journal to read."""


def own_directory() -> str:
    """Return the user's configuration directory.

    Raises:
        NoJournalError: if there is none.
    """
    environ = dict(os.environ)
    if not environ.get("HOME"):
        environ["HOME"] = _home()
    directory = Settings.from_environ(environ).directory
    if directory is None:
        raise NoJournalError("neither DISTCC_DIR nor HOME is set, so nothing is recorded")
    return os.path.abspath(directory)


def _home() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return ""


def read_units() -> Units:
    """Return the units of the user's journal, with those that ended just now.

    Raises:
        NoJournalError: if it cannot be read, or has no units.
    """
    journal = JournalFile(own_directory())
    try:
        if _is_fresh(journal.path):
            time.sleep(_SETTLES)
        units = journal.read()
    except OSError as error:
        raise NoJournalError(f"cannot read {journal.path}: {error.strerror}") from error
    if not units.units:
        raise NoJournalError(f"no units are recorded in {journal.path}")
    return units


def _is_fresh(path: str) -> bool:
    """Whether a build may have just ended, the last units of which are about to be written."""
    try:
        return abs(time.time() - os.stat(path).st_mtime) < 2 * _SETTLES
    except FileNotFoundError:
        return True


def plain(text: str) -> str:
    """Return `text` with what a terminal might obey replaced by question marks."""
    return "".join(character if character.isprintable() else "?" for character in text)


def say(lines: Iterable[str]) -> None:
    """Print `lines`, with what the terminal's character set lacks replaced."""
    text = "".join(f"{plain(line)}\n" for line in lines)
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))


def duration(seconds: float) -> str:
    """Return a time as people write it."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min {seconds % _MINUTE:.0f} s"
    return f"{seconds // _HOUR:.0f} h {seconds % _HOUR // _MINUTE:.0f} min"


def size(count: float) -> str:
    """Return a number of bytes as people write it."""
    for unit in _UNITS[:-1]:
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} {_UNITS[-1]}"


def counted(number: int, noun: str) -> str:
    """Return so many of what a noun means."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def share(part: float, whole: float) -> str:
    """Return what percentage of `whole` a `part` is."""
    return f"{100 * part / whole:.0f} %" if whole else "-"
