"""How messages look at the caller's terminal, and how to make a server write the same.

A `Style` has options for the server's compiler, and says whether its messages are then the same as the
caller's would be, byte for byte.  Without a terminal, in plain English, they are; otherwise nothing is
taken for granted.  The compiler itself is asked: it compiles a few lines as the caller would, at a
terminal of the same size, and again as a server would.  If its messages differ, servers get no options,
and a compile that has messages is done here.  If the options affect its output, as they do gcc's debug
information, they are used for messages only.
"""

from __future__ import annotations

import fcntl
import os
import struct
import termios
import tty
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final

from twisted_distcc.bounded import Bounded
from twisted_distcc.client.inputs.candidate import Candidate
from twisted_distcc.client.inputs.locales import has_locale
from twisted_distcc.client.invocation import Invocation, Terminal
from twisted_distcc.client.single_flight import Shared
from twisted_distcc.cmdline.compilation import Compilation, Language
from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.environment import tells_all_of_messages
from twisted_distcc.cmdline.messages import (
    has_known_characters,
    is_cut,
    is_english,
    is_recorded,
    narrowest,
    options_like,
    shaping_options,
    shaping_variables,
)
from twisted_distcc.pump.unit import FileSystem
from twisted_distcc.runtime.processes import CannotStartError, Command, Spawner, run

# Quotes, colours, links, fix-its, and a letter that not every locale has; in short lines, since gcc
# shows only a part of those that are too long for the terminal.
_SAMPLE: Final = b"""\
int sample(int given)
{
    int \\u00e4;
    if (given = 1)
        __builtin_printf("%s", given);
    return 0;
}
"""
_SOURCE: Final = "/proc/self/fd/3"
_HOLDS_NS: Final = 60_000_000_000
"""How long an answer is valid: message catalogs may be installed at any time."""
_MOST: Final = 200
_READ: Final = 65536
_ASSEMBLER: Final = b"Assembler messages"

_Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Style:
    """The style of messages.

    Attributes:
        options: make a server's compiler write in this style.
        is_exact: whether it then writes exactly what the compiler here would.
        is_english: whether the assembler's messages, which no sample has, are certainly not translated.
        columns: source lines longer than this may be shown in part here.
        for_messages: a style whose messages are exact, but whose options affect the object.
    """

    options: tuple[str, ...] = ()
    is_exact: bool = True
    is_english: bool = True
    columns: int | None = None
    for_messages: Style | None = None

    def fits(self, said: bytes) -> bool:
        """Whether the compiler here would have written exactly `said`."""
        if not said:
            return True
        if not self.is_exact or (self.columns is not None and is_cut(said, self.columns)):
            return False
        return self.is_english or _ASSEMBLER not in said


PLAIN: Final = Style()
UNKNOWN: Final = Style(is_exact=False)


@dataclass(frozen=True, slots=True)
class _Sample:
    """A compiler's messages on the sample, and its assembly output."""

    status: int
    said: bytes
    made: bytes


class Styles:
    """A cache of styles.

    Args:
        files: used to check whether a compiler is still the same.
        spawn: starts compilers.
    """

    def __init__(self, files: FileSystem, spawn: Spawner) -> None:
        self._files = files
        self._spawn = spawn
        self._known: Bounded[_Key, tuple[int, Style]] = Bounded(_MOST)
        self._asking: Shared[_Key, Style] = Shared()

    async def of(self, candidate: Candidate, told: Mapping[str, str]) -> Style:
        """Return the style of `candidate`, for a server that gets the variables `told`."""
        invocation, compilation = candidate.invocation, candidate.compilation
        if invocation.terminal is None and _is_plain(invocation.environ):
            return PLAIN
        if compilation.language.is_assembler:  # clang would warn of options that no compiler uses
            return UNKNOWN
        key = self._key(candidate, told)
        since, style = self._known.get(key, (0, UNKNOWN))
        if self._files.now_ns() - since > _HOLDS_NS:
            style = await self._asking.get(key, lambda: self._ask(key, candidate, told))
        return style

    def _key(self, candidate: Candidate, told: Mapping[str, str]) -> _Key:
        return (
            candidate.compiler,
            self._files.stamp(candidate.compiler),
            _language(candidate.compilation),
            shaping_options(candidate.compilation),
            is_recorded(candidate.compilation),
            candidate.invocation.terminal,
            *sorted(shaping_variables(candidate.invocation.environ).items()),
            *sorted(told.items()),
        )

    async def _ask(self, key: _Key, candidate: Candidate, told: Mapping[str, str]) -> Style:
        try:
            style = await _Question(self._spawn, candidate, told).style()
        except (CannotStartError, OSError):
            style = UNKNOWN
        self._known[key] = self._files.now_ns(), style
        return style


@dataclass(frozen=True, slots=True)
class _Question:
    """A query of a compiler's style."""

    spawn: Spawner
    candidate: Candidate
    told: Mapping[str, str]

    async def style(self) -> Style:
        """Compare what the compiler writes here with what it would write on a server."""
        compilation, invocation = self.candidate.compilation, self.candidate.invocation
        here = await self._run(invocation.environ, invocation.terminal)
        options = await self._options(here)
        there = await self._run(self._environ_there, None, *options)
        if here.status or there.status or here.said != there.said:
            return UNKNOWN
        columns = _columns(invocation) if compilation.family is not Family.CLANG else None
        style = Style(options, True, is_english(invocation.environ, has_locale), columns)
        return style if here.made == there.made else replace(UNKNOWN, for_messages=style)

    async def _options(self, here: _Sample) -> tuple[str, ...]:
        """Find the options that reproduce what it wrote."""
        family, invocation = self.candidate.compilation.family, self.candidate.invocation
        if invocation.terminal is None:
            return ()
        if family is Family.CLANG:
            here = await self._run(invocation.environ, invocation.terminal, "-###")
        return options_like(here.said, family)

    @property
    def _environ_there(self) -> dict[str, str]:
        environ = self.candidate.invocation.environ
        shaping = shaping_variables(environ)
        return {name: value for name, value in environ.items() if name not in shaping} | dict(self.told)

    async def _run(
        self, environ: Mapping[str, str], terminal: Terminal | None, *options: str
    ) -> _Sample:
        compilation = self.candidate.compilation
        recording = _recording(compilation) if is_recorded(compilation) else ()
        words = [*shaping_options(compilation), "-Wall", *recording, "-S", "-x", _language(compilation)]
        with _memory() as sample, _memory() as made, _memory() as said:
            os.pwrite(sample, _SAMPLE, 0)
            with _screen(terminal, said) as stderr:
                command = Command(
                    [self.candidate.compiler, *words, "-o", "-", _SOURCE, *options],
                    environ=environ,
                    directory=self.candidate.invocation.directory,
                    stdout=made,
                    stderr=stderr,
                    beside=(sample,),
                )
                ended = await run(self.spawn, command)
            return _Sample(ended.status, _written(said), _written(made))


def _is_plain(environ: Mapping[str, str]) -> bool:
    """Whether messages look the same on servers that get `environ`, if there is no terminal."""
    return (
        tells_all_of_messages(environ)
        and is_english(environ, has_locale)
        and has_known_characters(environ, has_locale)
    )


def _columns(invocation: Invocation) -> int | None:
    terminal = invocation.terminal
    if terminal is None:
        return None
    return narrowest(invocation.environ, terminal.columns, terminal.input_columns)


def _recording(c: Compilation) -> tuple[str, ...]:
    """Return options that record all others in the assembly."""
    return "-g", "-grecord-gcc-switches" if c.family is Family.CLANG else "-frecord-gcc-switches"


def _language(c: Compilation) -> str:
    is_cxx = c.language.preprocessed in {Language.PREPROCESSED_CXX, Language.PREPROCESSED_OBJCXX}
    return "c++" if is_cxx else "c"


@contextmanager
def _memory() -> Iterator[int]:
    descriptor = os.memfd_create("sample", os.MFD_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _screen(terminal: Terminal | None, said: int) -> Iterator[int]:
    """Yield a terminal, and copy what is written to it to `said`; without one, yield `said`.

    Output waits in the kernel, which takes a few kilobytes, until all writers have closed it.
    """
    if terminal is None:
        yield said
        return
    controller, screen = os.openpty()
    try:
        tty.setraw(screen)
        fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 0, terminal.columns, 0, 0))
        yield screen
        os.close(screen)
        screen = -1
        with suppress(OSError):
            while data := os.read(controller, _READ):
                os.write(said, data)
    finally:
        os.close(controller)
        if screen >= 0:
            os.close(screen)


def _written(descriptor: int) -> bytes:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)
