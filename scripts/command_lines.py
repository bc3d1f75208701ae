"""The command lines of all our commands, as their own parsers have them.

The manual pages (`write_manual`) and the shells' completion (`write_completion`) are made from this:
what a command understands is said in one place, where it is parsed.  The parser of a subcommand is the
one that it really uses, caught when it begins to parse.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import islice
from typing import Any, Final
from unittest.mock import patch

# Command lines of subcommands that have another parser for them.
_FURTHER: Final = {"doctor": ["--policy=FILE"]}
_MOST_CHOICES: Final = 20
_OPTION: Final = re.compile(r"(?m)^   (-[\w-]+) +(.+)$")
_WORDS: Final = re.compile(r"[\w-]+")


@dataclass(frozen=True, slots=True)
class Option:
    """One option.

    Attributes:
        names: how it is written, with dashes; the last is the longest.
        about: what it does, in a line.
        value: the name of its value; "" for a flag.
        choices: the values that there are, if they are few.
    """

    names: tuple[str, ...]
    about: str
    value: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """One command, or subcommand.

    Attributes:
        name: what a user types: one or more words.
        usage: the ways to call it.
        about: what it does.
        sections: its options, with the title of each group.
        operands: its other arguments, with what they are.
        commands: its subcommands.
        end: more to say at the end.
    """

    name: str
    usage: tuple[str, ...]
    about: str
    sections: tuple[tuple[str, tuple[Option, ...]], ...] = ()
    operands: tuple[tuple[str, str], ...] = ()
    commands: tuple[Command, ...] = ()
    end: str = ""

    @property
    def options(self) -> tuple[Option, ...]:
        """All its options, each once."""
        return tuple({option.names: option for _, some in self.sections for option in some}.values())


def all_commands() -> Iterator[Command]:
    """Yield what this package installs as commands."""
    from twisted_distcc.cli import pump, tdistccd, twistd_stdio

    yield _tdistcc()
    yield _of(tdistccd.parser())
    yield _twistd()
    yield _of(twistd_stdio.parser())
    yield _of(_caught(lambda: pump.main([], "pump")))
    yield _twisted_distcc()


def _twisted_distcc() -> Command:
    from twisted_distcc.cli.twisted_distcc import SUBCOMMANDS, main

    top = _of(_caught(lambda: main([])))
    return replace(
        top,
        commands=tuple(_subcommand(name, known.module) for name, known in SUBCOMMANDS.items()),
        operands=(),
        end="",
    )


def _subcommand(name: str, module: str) -> Command:
    run = import_module(module).main
    first = _of(_caught(lambda: run([])))
    if name not in _FURTHER:
        return first
    more = _of(_caught(lambda: run(_FURTHER[name])))
    options = tuple(option for option in more.options if "--help" not in option.names)
    return replace(
        first,
        usage=tuple(dict.fromkeys((*first.usage, *more.usage))),
        sections=(*first.sections, (more.about, options)),
        end="\n\n".join(filter(None, (first.end, more.end))),
    )


def _tdistcc() -> Command:
    """Read `tdistcc --help`: it parses without argparse, for its speed."""
    from twisted_distcc.cli import tdistcc_about

    text = tdistcc_about._HELP.format("tdistcc")
    usage, _, rest = text.removeprefix("Usage:\n").partition("\n\nOptions:\n")
    options = [Option((name,), about) for name, about in _OPTION.findall(rest.partition("\n\n")[0])]
    return Command(
        "tdistcc",
        tuple(line.strip() for line in usage.splitlines()),
        "Have a compiler's work done by other machines.",
        (("options", tuple(options)),),
    )


def _twistd() -> Command:
    """Read the table of the server's options, as `twistd distccd` offers them."""
    from twisted_distcc.server.options.table import PORT_OPTIONS, SECTIONS, offered
    from twisted_distcc.tap import Options

    return Command(
        "twistd distccd",
        ("twistd [TWISTD OPTION]... distccd [OPTION]...",),
        Options.longdesc,
        tuple(
            (
                title,
                tuple(
                    Option(
                        ((f"-{one.letter}",) if one.letter else ()) + (f"--{one.name}",),
                        one.about,
                        one.value,
                    )
                    for one in offered(PORT_OPTIONS, options)
                ),
            )
            for title, options in SECTIONS
        ),
    )


class _CaughtError(Exception):
    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.parser = parser


def _caught(run: Callable[[], Any]) -> argparse.ArgumentParser:
    """Return the parser that a command uses."""

    def parse(self: argparse.ArgumentParser, *_: object) -> None:
        raise _CaughtError(self)

    with patch.object(argparse.ArgumentParser, "parse_args", parse):
        try:
            run()
        except _CaughtError as caught:
            return caught.parser
    raise AssertionError("it parses nothing")


def _of(parser: argparse.ArgumentParser) -> Command:
    groups = [(group.title or "options", group._group_actions) for group in parser._action_groups]
    formatter = parser._get_formatter()
    commands = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return Command(
        parser.prog,
        tuple(_usage(parser)),
        (parser.description or "").replace("  ", " "),
        tuple(
            (title, tuple(_option(formatter, one) for one in actions if _is_shown(one)))
            for title, actions in groups
            if any(map(_is_shown, actions))
        ),
        tuple(_operands(formatter, parser._actions)),
        tuple(_of(command) for action in commands for command in action.choices.values()),
        parser.epilog or "",
    )


def _usage(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the ways to call a command, each in one line."""
    text = parser.format_usage().removeprefix("usage: ").removeprefix("Usage: ")
    begin = re.escape(parser.prog)
    for way in re.split(rf"\n\s+(?={begin} |eval )", text.strip()):
        yield " ".join(way.split())


def _is_shown(action: argparse.Action) -> bool:
    return bool(action.option_strings) and action.help is not argparse.SUPPRESS


def _option(formatter: argparse.HelpFormatter, action: argparse.Action) -> Option:
    value = "" if action.nargs == 0 else str(action.metavar or action.dest.upper())
    return Option(
        tuple(sorted(action.option_strings, key=len)),
        formatter._expand_help(action) if action.help else "",
        value,
        _few(action.choices or ()),
    )


def _few(choices: Iterable[object]) -> tuple[str, ...]:
    """Return choices as words, unless they are many."""
    words = tuple(map(str, islice(choices, _MOST_CHOICES + 1)))
    return words if len(words) <= _MOST_CHOICES else ()


def _operands(
    formatter: argparse.HelpFormatter, actions: Sequence[argparse.Action]
) -> Iterator[tuple[str, str]]:
    for action in actions:
        is_command = isinstance(action, argparse._SubParsersAction)
        if not (action.option_strings or is_command or action.help is argparse.SUPPRESS):
            yield str(action.metavar or action.dest), formatter._expand_help(action)


def summary_of(subcommand: Command) -> str:
    """Return what `twisted-distcc --help` says of a subcommand."""
    from twisted_distcc.cli.twisted_distcc import SUBCOMMANDS

    return SUBCOMMANDS[subcommand.name.rpartition(" ")[2]].summary


def words_of(name: str) -> str:
    """Return a command's name as one word."""
    return "-".join(_WORDS.findall(name))
