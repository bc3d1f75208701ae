"""`twisted-distcc explain`: say what would become of a compile, and why.

Nothing is compiled, and no server is asked: it tells what a command needs, not which hosts have it.

    $ twisted-distcc explain -- gcc -da -c hello.c
    elsewhere, by a server with the jail that has this compiler or is sent it, or by an engine: for -da
    reads   24 files (--all lists them)
    makes   hello.o hello.c*
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from twisted_distcc.agent.handover import own_umask, working_directory
from twisted_distcc.cli.found_files import find_files
from twisted_distcc.client.inputs.candidate import Candidate, StaysHere, compiler_of
from twisted_distcc.client.invocation import Invocation
from twisted_distcc.client.results.planned_outputs import check_outputs
from twisted_distcc.cmdline.foreseen import foreseen
from twisted_distcc.cmdline.reasons import shown
from twisted_distcc.errors import DistccError
from twisted_distcc.pump.local_files import Disk
from twisted_distcc.pump.unit import CallersOwnError, NotForServersError
from twisted_distcc.runtime.processes import CannotStartError
from twisted_distcc.toolchain.known_toolchains import identify

_PLACES: Final = {
    "files": "elsewhere, by any server that has this compiler or is sent it, or by an engine",
    "jail": "elsewhere, by a server with the jail that has this compiler or is sent it, or by an engine",
    "times": "elsewhere, by a server with the jail that has this compiler",
    "programs": "elsewhere, by a server that takes this compiler along with programs for it to load",
    "text": "here, or as preprocessed text by a server that has this compiler and no sandbox",
    "here": "here",
}


@dataclass(frozen=True, slots=True)
class Explained:
    """What would become of a compile.

    Attributes:
        where: `files`, if any server can do it; `jail`, if only one with that, or an engine; `times`, if
            only one that gives all files their times; `programs`, if only one that loads what clients
            bring; `text`, if its files cannot be sent; or `here`.
        why: what decides that; empty for the usual.
        reads: the files that it may read, by absolute path; empty if they were not found.
        makes: the files that it makes, or may make, as the command names them.
    """

    where: str
    why: str = ""
    reads: tuple[str, ...] = ()
    makes: tuple[str, ...] = ()


def main(arguments: Sequence[str]) -> int:
    """Explain the command in `arguments`, and return the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        parser.error("it wants a command: twisted-distcc explain -- gcc -c hello.c")
    invocation = Invocation(tuple(command), working_directory(), dict(os.environ), own_umask())
    try:
        explained = explain(invocation)
    except DistccError as error:
        print(f"twisted-distcc explain: {error}", file=sys.stderr)
        return error.exit_code
    if options.json:
        print(json.dumps(asdict(explained), indent=2))
    else:
        print(*lines(explained, invocation.directory, options.all), sep="\n")
    return 0


def explain(invocation: Invocation) -> Explained:
    """Return what would become of `invocation`; a process does this once.

    Raises:
        DistccError: if there is no such compiler.
    """
    try:
        candidate = Candidate.of(invocation, compiler_of(invocation))
        check_outputs(candidate, Disk())
    except StaysHere as reason:
        return Explained("here", str(reason))
    compiler = candidate.local_compiler
    if identify(compiler.path, dict(compiler.environ)) is None:
        return Explained("here", compiler.why_unidentified)
    makes = tuple(_makes(candidate))
    demanding = candidate.compilation.demanding
    try:
        found = find_files(candidate)
    except (CallersOwnError, CannotStartError) as reason:
        return Explained("here", str(reason), makes=makes)
    except NotForServersError as reason:
        return Explained("text" if demanding is None else "here", str(reason), makes=makes)
    reads = tuple(sorted(found.laid.files))
    demanding = found.demanding
    if demanding is None:
        return Explained("files", "", reads, makes)
    where = "times" if found.compares_times else "jail"
    if candidate.plugins:
        where = "programs"
        reads = (*reads, *filter(os.path.isabs, candidate.plugins))
    return Explained(where, f"for {shown(demanding)}", reads, makes)


def _makes(candidate: Candidate) -> Iterator[str]:
    c = candidate.compilation
    yield c.output
    if c.dependencies is not None:
        yield c.dependencies.path
    yield from (f"{one.path}*" if one.is_dump else one.path for one in foreseen(c))


def lines(explained: Explained, directory: str, is_full: bool) -> Iterator[str]:
    """Yield what is printed; `is_full` lists all files that are read, relative to `directory`."""
    yield _PLACES[explained.where] + (f": {explained.why}" if explained.why else "")
    reads = [_near(path, directory) for path in explained.reads]
    if is_full:
        yield from (f"reads   {path}" for path in reads)
    elif reads:
        yield f"reads   {reads[0] if len(reads) == 1 else f'{len(reads)} files (--all lists them)'}"
    if explained.makes:
        yield f"makes   {' '.join(map(_printable, explained.makes))}"


def _near(path: str, directory: str) -> str:
    return _printable(path.removeprefix(f"{directory}/"))


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="twisted-distcc explain",
        usage="twisted-distcc explain [OPTION]... [--] COMPILER ARGUMENT...",
        description="Say where a compile could be done, what it reads and makes, and what decides that.",
        epilog="Nothing is compiled, and no server is asked.",
        allow_abbrev=False,
    )
    parser.add_argument("--all", action="store_true", help="list all files that it may read")
    parser.add_argument("--json", action="store_true", help="print a JSON object instead of text")
    parser.add_argument("command", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser
