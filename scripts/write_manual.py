"""Write the manual pages: `python scripts/write_manual.py FOLDER`.

In: the parsers of the commands (`command_lines`), and for what is no option, such as variables and exit
codes, the tables of `doc/`, which tests hold to the code.  Out: `FOLDER/man1/tdistcc.1` and so on.
Building a wheel does the same.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from command_lines import Command, Option, all_commands, summary_of, words_of

DOC: Final = Path(__file__).parents[1] / "doc"
_SERVERS: Final = ("tdistccd", "twistd distccd", "twistd-stdio")
_SUMMARIES: Final = {
    "tdistcc": "have a compiler's work done by other machines",
    "tdistccd": "distcc compile server, with the command line of distccd",
    "twistd distccd": "distcc compile server, with twistd's own options",
    "twistd-stdio": "serve one distcc connection on standard input and output",
    "pump": "run a build whose C distcc has its sources preprocessed by servers",
    "twisted-distcc": "look after a farm of distcc servers, and builds on it",
}
# What the pages take from `doc/`: the page, the first word of its table, and the title in the manual.
_TABLES: Final[Mapping[str, tuple[tuple[str, str, str], ...]]] = {
    "tdistcc": (
        ("client.md", "Word", "HOSTS"),
        ("client.md", "Variable", "ENVIRONMENT"),
        ("client.md", "Code", "EXIT STATUS"),
    ),
    "tdistccd": (("server.md", "Variable", "ENVIRONMENT"), ("server.md", "Status", "EXIT STATUS")),
}
_PARAGRAPHS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "tdistcc": (
        "client.md",
        ("Put tdistcc in front", "The build continues", "Messages go to"),
    ),
    "tdistccd": ("server.md", ("Without a command list",)),
}
# What a page says of another page.
_ELSEWHERE: Final = re.compile(r";?,? see (?:\[\]\([^)]*\)|above)| ?\(see \[\]\([^)]*\)\)")
# What lists more options than this has them below, too.
_LONGEST_USAGE: Final = 300
_LINK: Final = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_SECTION: Final = {True: 8, False: 1}


def pages() -> dict[str, str]:
    """Return all manual pages, by their paths below `share/man`."""
    made = list(all_commands())
    found = {_path(one): _page(one, _SUMMARIES[one.name], _others(one, made)) for one in made}
    for top in made:
        for sub in top.commands:
            found[_path(sub)] = _page(sub, summary_of(sub), (top,))
    return found


def _reference(command: Command) -> str:
    return f".BR {_plain(words_of(command.name))} ({_number(command)})"


def _others(command: Command, made: Iterable[Command]) -> tuple[Command, ...]:
    return (*command.commands, *(one for one in made if one is not command))


def _number(command: Command) -> int:
    return _SECTION[command.name in _SERVERS]


def _path(command: Command) -> str:
    number = _number(command)
    return f"man{number}/{words_of(command.name)}.{number}"


def _page(command: Command, summary: str, others: tuple[Command, ...]) -> str:
    from twisted_distcc import __version__

    name = words_of(command.name)
    head = f'.TH "{_plain(name.upper())}" {_number(command)} "" "twisted_distcc {__version__}"'
    parts = (
        [head, ".SH NAME", f"{_plain(name)} \\- {_text(summary)}"],
        [".SH SYNOPSIS", *_synopsis(command)],
        [".SH DESCRIPTION", *_paragraphs(command.about), *_more(command)],
        _operands(command),
        _options(command),
        _commands(command),
        _end(command),
        *(_from_doc(*place) for place in _TABLES.get(command.name, ())),
        [".SH SEE ALSO", ",\n".join(map(_reference, others))],
    )
    return "\n".join(line for part in parts for line in part) + "\n"


def _synopsis(command: Command) -> Iterator[str]:
    for number, way in enumerate(command.usage):
        if number:
            yield ".br"
        name = command.name if way.startswith(command.name) else ""
        rest = way.removeprefix(name) if len(way) < _LONGEST_USAGE else " [OPTION]..."
        yield f"\\fB{_plain(name)}\\fR{_plain(rest)}"


def _more(command: Command) -> Iterator[str]:
    """Yield the paragraphs of `doc/` that describe a command."""
    page, beginnings = _PARAGRAPHS.get(command.name, ("client.md", ()))
    for block in (DOC / page).read_text().split("\n\n"):
        if block.startswith(beginnings):
            yield from (".PP", *_paragraphs(block))


def _operands(command: Command) -> list[str]:
    if not command.operands:
        return []
    items = [_item(f"\\fI{_plain(name)}\\fR", about) for name, about in command.operands]
    return [".SH ARGUMENTS", *items]


def _options(command: Command) -> list[str]:
    lines = [".SH OPTIONS"]
    for title, options in command.sections:
        if len(command.sections) > 1:
            lines.append(f'.SS "{_plain(_capitalised(title.rstrip(".")))}"')
        lines += [_item(_written(option), option.about) for option in options]
    return lines if command.sections else []


def _written(option: Option) -> str:
    names = [f"\\fB{_plain(name)}\\fR" for name in option.names]
    equals = "=" if option.names[-1].startswith("--") else " "
    value = f"{equals}\\fI{_plain(option.value)}\\fR" if option.value else ""
    return f"{', '.join(names)}{value}"


def _commands(command: Command) -> list[str]:
    if not command.commands:
        return []
    lines = [".SH COMMANDS"]
    for one in command.commands:
        is_page = command.name == "twisted-distcc"
        heading = f"\\fB{_plain(one.name.removeprefix(command.name).strip())}\\fR"
        lines.append(_item(heading, one.about))
        if not is_page:
            lines += [".RS", *(_item(f"\\fI{_plain(n)}\\fR", about) for n, about in one.operands)]
            own = [option for option in one.options if option not in command.options]
            lines += [*(_item(_written(option), option.about) for option in own), ".RE"]
    return lines


def _end(command: Command) -> list[str]:
    """Return what stands at the end of a command's help: exit statuses, or an example."""
    lines = []
    for text in dict.fromkeys(filter(None, command.end.split("\n\n"))):
        title, _, rest = text.partition(": ")
        lines += [f'.SH "{_plain(title.upper())}"', *_paragraphs(rest)]
    return lines


def _from_doc(page: str, word: str, title: str) -> list[str]:
    """Return a table of `doc/`, with the paragraph before it."""
    blocks = (DOC / page).read_text().split("\n\n")
    number = next(number for number, block in enumerate(blocks) if block.startswith(f"| {word} |"))
    before = [] if blocks[number - 1].startswith("#") else _paragraphs(blocks[number - 1])
    rows = [line.strip("| ").split(" | ") for line in blocks[number].splitlines()]
    return [f".SH {title}", *before, *map(_row, rows[2:])]


def _row(cells: list[str]) -> str:
    end = f" [{_marked(cells[2])}]" if len(cells) > 2 else ""
    return f".TP\n{_line(_marked(cells[0]))}\n{_line(_marked(cells[1]) + end)}"


def _item(heading: str, text: str) -> str:
    return f".TP\n{heading}\n{_line(_text(text))}"


def _paragraphs(text: str) -> Iterator[str]:
    for number, paragraph in enumerate(filter(None, map(str.strip, text.split("\n\n")))):
        if number:
            yield ".PP"
        yield _line(_marked(" ".join(paragraph.split())))


def _marked(text: str) -> str:
    """Return text in Markdown as roff: what is code, or strong, is bold; links are their text."""
    linked = _LINK.sub(lambda link: link[1], _ELSEWHERE.sub("", text))
    parts = re.split(r"`|\*\*", linked)
    return "".join(
        f"\\fB{_plain(part)}\\fR" if number % 2 else _plain(part) for number, part in enumerate(parts)
    )


def _text(text: str) -> str:
    return _plain(" ".join(text.split()))


def _plain(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...").replace("~", "\\(ti")
    return escaped.replace("'", "\\(aq").replace("`", "\\(ga").replace("^", "\\(ha")


def _line(text: str) -> str:
    """Return a line of text that roff does not take for a request."""
    return f"\\&{text}" if text.startswith((".", "'")) else text


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def write(folder: Path) -> None:
    """Write all pages below `folder`."""
    for name, text in pages().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
