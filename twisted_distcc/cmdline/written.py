"""The ways in which a command's options can be written, for rules that are about options.

Each option comes once, with all of its spellings.  Options that are passed on to another program are
split: `-Wa,-L,-W` and `-Xassembler --keep-locals -Xassembler -W` are the same two options.


    for option in written(compilation.options):
        print(option.typed, option.ways)
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.option_rules import Role, Takes
from twisted_distcc.cmdline.options import ASSEMBLER_OPTIONS, OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from twisted_distcc.cmdline.compilation import Option
    from twisted_distcc.cmdline.option_rules import Spelling, Table

_PREPROCESSOR = ("-Wp,", "-Xpreprocessor")
_ASSEMBLER = ("-Wa,", "-Xassembler")
_LINKER = ("-Wl,", "-Xlinker")
_PASSING_ON = frozenset({*_PREPROCESSOR, *_ASSEMBLER, *_LINKER})


@dataclass(frozen=True, slots=True)
class Written:
    """One option of a compiler, or of a program that it passes options on to.

    Attributes:
        role: what it decides.
        typed: how it was written.
        ways: how it can be written; an option with an argument can also be named without it.
    """

    role: Role
    typed: str
    ways: tuple[str, ...]


def written(options: Sequence[Option]) -> Iterator[Written]:
    """Yield each option, and each that is passed on, with all of its spellings."""
    for option in options:
        if option.name not in _PASSING_ON:
            yield Written(option.role, " ".join(option.words), tuple(_ways_of(option)))
        elif option.name not in _LINKER:
            yield from _passed_on(option)
    yield from _for_linker([part for o in options if o.name in _LINKER for part in pieces(o)])


def pieces(option: Option) -> list[str]:
    """Return the words for the other program: `-Wp,` splits at commas, `-Xpreprocessor` does not."""
    joined = len(option.words) == 1
    return option.value.split(",") if joined else [option.value]


def _ways_of(option: Option) -> Iterator[str]:
    for spelling in option.spellings:
        yield from _ways(spelling, option.value)
    if option.role is Role.LINK:  # the driver passes the linker its own options unchanged
        yield from _in(_LINKER, option.words)


def _ways(spelling: Spelling, value: str) -> tuple[str, ...]:
    name, takes = spelling
    match takes:
        case Takes.NOTHING:
            return (name,)
        case Takes.JOINED:
            return (name + value,)
        case Takes.SEPARATE | Takes.EITHER:
            return (name, f"{name} {value}", name + value, f"{name}={value}")


def _in(program: tuple[str, str], words: Sequence[str]) -> tuple[str, ...]:
    """Return `words` as an option for another program, in both ways of passing it on."""
    joined, separate = program
    return (joined + ",".join(words), separate, f"{separate} {' '.join(words)}")


def _passed_on(option: Option) -> Iterator[Written]:
    if option.name in _ASSEMBLER:
        return _for(_ASSEMBLER, option.role, pieces(option), ASSEMBLER_OPTIONS)
    if option.role is Role.PREPROCESS:
        return _for(_PREPROCESSOR, option.role, pieces(option), OPTIONS)
    return _rules_and_file(option)


def _rules_and_file(option: Option) -> Iterator[Written]:
    """Treat -Wp,-MD,FILE as -MD -MF FILE, which it is."""
    (typed,), file = option.words, option.value
    passed = typed.removesuffix(f",{file}")
    for word in (passed.removeprefix(_PREPROCESSOR[0]), f"-MF{file}"):
        _, own = _understood(word, iter(()), OPTIONS)
        yield Written(option.role, typed, (*own, passed, typed))


def _for(program: tuple[str, str], role: Role, parts: Sequence[str], table: Table) -> Iterator[Written]:
    """Yield the options passed to another program, whose options are in `table`."""
    rest = iter(parts)
    for part in rest:
        words, own = _understood(part, rest, table)
        passed = (way for one in own for way in _in(program, one.split(" ", 1)))
        plain = own if role is Role.PREPROCESS else ()
        yield Written(role, program[0] + ",".join(words), (*plain, *passed, *_in(program, words)))


def _understood(part: str, rest: Iterator[str], table: Table) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the words of the option that begins with `part`, and the ways to write it."""
    rule = table.find(part, Family.GENERIC)
    if rule is None:
        return (part,), (part,)
    separate = rule.wants_next(part)
    value = next(rest, "") if separate else rule.joined_argument(part)
    words = (part, value) if separate else (part,)
    return words, tuple(way for spelling in rule.spellings for way in _ways(spelling, value))


def _for_linker(parts: Sequence[str]) -> Iterator[Written]:
    """Yield each option with the word after it, which is its argument unless it is an option itself."""
    rest = deque(parts)
    while rest:
        words = [rest.popleft()]
        if rest and words[0].startswith("-") and not rest[0].startswith("-"):
            words.append(rest.popleft())
        alone = (way for word in words for way in _in(_LINKER, (word,)))
        ways = (words[0], " ".join(words), *alone, *_in(_LINKER, words))
        yield Written(Role.LINK, "-Wl," + ",".join(words), ways)
