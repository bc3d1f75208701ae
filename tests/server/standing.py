"""What /proc tells of a process: whose it is, and what it may yet become.

In: the text of /proc/PID/status.  Out: a `Standing`, and the one that a server has to have.  It refuses
to know how the process came to be.
"""

from __future__ import annotations

import os
import pwd
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from twisted.trial.unittest import SkipTest

from tests.live import open_to_all

# Stands for gcc: shows the status of the server that started it, then its own.
SHOWS: Final = "#!/bin/sh\ncat /proc/$PPID/status /proc/$$/status >&2\nexit 1\n"


@dataclass(frozen=True, slots=True)
class Standing:
    """Whose a process is: all four of each number, all groups, and the ways to more."""

    uids: frozenset[int]
    gids: frozenset[int]
    groups: frozenset[int]
    capabilities: frozenset[int]
    no_new_privs: bool


def standings(text: str) -> list[Standing]:
    """Read one status after another."""
    return [_standing(one) for one in re.split(r"(?m)^(?=Name:)", text) if "NoNewPrivs:" in one]


def standing_of(pid: int) -> Standing:
    """Read the status of the process `pid`."""
    (one,) = standings(Path(f"/proc/{pid}/status").read_text())
    return one


def _standing(text: str) -> Standing:
    def numbers(name: str, base: int = 10) -> frozenset[int]:
        found = re.findall(rf"(?m)^{name}:(.*)$", text)
        return frozenset(int(word, base) for line in found for word in line.split())

    return Standing(
        numbers("Uid"), numbers("Gid"), numbers("Groups"),
        numbers(r"Cap\w+", 16), numbers("NoNewPrivs") == {1},
    )  # fmt: skip


def given_away(name: str) -> Standing:
    """Give the standing of what root has become by becoming `name`, and no more."""
    entry = pwd.getpwnam(name)
    groups = frozenset(os.getgrouplist(name, entry.pw_gid))
    return Standing(frozenset({entry.pw_uid}), frozenset({entry.pw_gid}), groups, frozenset({0}), True)


def by_default() -> str:
    """Give the user that root becomes when it is told nothing."""
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("distccd", "distcc", "nobody") if name in known)


def require_root() -> None:
    """Skip the test where nobody is there who could give root away."""
    if os.geteuid():
        raise SkipTest("only root can give root away: run the tests as root")


def compiler_that_shows(folder: Path) -> str:
    """Make a `gcc` that tells who runs it, and give the search path that finds it first."""
    folder.mkdir(parents=True)
    open_to_all(folder)
    (folder / "gcc").write_text(SHOWS)
    (folder / "gcc").chmod(0o755)
    return f"{folder}:/usr/bin:/bin"
