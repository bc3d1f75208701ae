"""The steps of a verification, from beginning to end, and what counts as success."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from twisted_distcc.cli.arguments import positive, split_command
from twisted_distcc.cli.demo.local_farm import running_farm
from twisted_distcc.cli.demo.screen import Screen
from twisted_distcc.cli.installed import installed_command
from twisted_distcc.cli.interrupted import interrupted_by_sigterm
from twisted_distcc.cli.verify.aside import folders_made
from twisted_distcc.cli.verify.databases import DATABASE, NINJA, ask_ninja, read_database
from twisted_distcc.cli.verify.recording import record, run_build
from twisted_distcc.cli.verify.servers import listed_servers
from twisted_distcc.cli.verify.summary import Result, as_json, keep, table
from twisted_distcc.cli.verify.twice import Finding, Twice
from twisted_distcc.cli.verify.units import Command, Stays, Unit, units_of
from twisted_distcc.errors import EXIT_FAILURE, DistccError

_GLANCE = 0.5  # seconds
_MAKEFILES = ("GNUmakefile", "makefile", "Makefile")


class NothingToVerifyError(DistccError):
    """No compile of the project is known."""


def main(arguments: Sequence[str]) -> int:
    """Verify a project; return 0 if servers compiled something and nothing differs."""
    words, command = split_command(arguments)
    options = _parser().parse_args(words)
    screen = Screen(sys.stderr)
    try:
        with interrupted_by_sigterm(), _scratch_folder() as scratch:
            verification = Verification(options.folder.absolute(), options.jobs, scratch, screen)
            result = verification.run(command)
    except KeyboardInterrupt:
        screen.line("Stopped: your files are as they were.")
        return 128 + signal.SIGINT
    except (DistccError, OSError) as error:
        screen.line(f"twisted-distcc verify: {error}")
        return EXIT_FAILURE
    if options.keep is not None:
        keep(result, options.keep)
    screen.line("")
    print(as_json(result) if options.json else table(result, os.fspath(options.folder)))
    return 0 if result.success else 1


@dataclass(frozen=True, slots=True)
class Verification:
    """One verification: the folder, how many compiles at once, the temporary folder, and the screen."""

    folder: Path
    jobs: int
    scratch: Path
    screen: Screen

    def run(self, command: Sequence[str]) -> Result:
        """Find the compiles, repeat each here and there, and return the findings."""
        known = units_of(self._commands(command))
        units = [each for each in known if isinstance(each, Unit)]
        stays = [each for each in known if isinstance(each, Stays)]
        if not known:
            raise NothingToVerifyError(
                f"no compile of {self.folder} was seen: if all is built already, clean it first;"
                " if compilers are called by their paths, as by CMake, name a folder in which CMake"
                " has written compile_commands.json (-DCMAKE_EXPORT_COMPILE_COMMANDS=ON)"
            )
        outputs = [path for unit in units for path in unit.outputs.values()]
        with folders_made(outputs), self._farm() as changes:
            twice = Twice(os.fspath(installed_command("tdistcc")), changes, self.scratch)
            return Result(self._findings(units, twice), stays)

    def _commands(self, command: Sequence[str]) -> list[Command]:
        """Find the compiles: from a list of them, from ninja, or by building."""
        environ = dict(os.environ)
        if not command and (self.folder / DATABASE).is_file():
            return read_database(self.folder / DATABASE, environ)
        if not command and (self.folder / NINJA).is_file():
            self._say_building(ninja := ["ninja", f"-j{self.jobs}"])
            run_build(ninja, self.folder, environ, self.scratch / "build.log")
            return ask_ninja(self.folder, environ)
        if not command:
            command = self._make()
        self._say_building(command)
        return record(command, self.folder, environ, self.scratch)

    def _make(self) -> list[str]:
        if not any((self.folder / name).is_file() for name in _MAKEFILES):
            raise NothingToVerifyError(
                f"{self.folder} has no {DATABASE}, no {NINJA} and no Makefile:"
                " name the folder that the build runs in, or say how to build: -- COMMAND"
            )
        return ["make", f"-j{self.jobs}"]

    def _say_building(self, command: Sequence[str]) -> None:
        self.screen.line(f"Building {self.folder} to see what it compiles: {' '.join(command)}")

    @contextmanager
    def _farm(self) -> Iterator[Mapping[str, str]]:
        """Yield the client's settings: for the user's servers alone, or for a farm of ours."""
        with ExitStack() as stack:
            if changes := listed_servers(os.environ):
                self.screen.line(f"Servers: {changes['DISTCC_HOSTS']}")
                yield changes
            else:
                farm = stack.enter_context(running_farm(self.scratch / "server", self.jobs))
                self.screen.line(f"No servers are listed: one of our own listens on {farm.address}.")
                yield farm.client

    def _findings(self, units: Sequence[Unit], twice: Twice) -> list[Finding]:
        """Compare all units; those that write the same file run one after the other.

        What precompiles headers comes first: its file is not there meanwhile, and others read it.
        """
        locks = {path: Lock() for unit in units for path in unit.outputs.values()}

        def compare(unit: Unit) -> Finding:
            with ExitStack() as held:
                for path in sorted(unit.outputs.values()):  # in a fixed order, to avoid deadlock
                    held.enter_context(locks[path])
                return twice.compare(unit)

        findings: list[Finding] = []
        with ThreadPoolExecutor(self.jobs) as pool:
            try:
                for is_first in (True, False):
                    some = [unit for unit in units if unit.precompiles is is_first]
                    for future in [pool.submit(compare, unit) for unit in some]:
                        findings.append(_awaited(future))
                        self.screen.progress(f"{len(findings)} of {len(units)} units")
            except BaseException:
                twice.stop()
                pool.shutdown(cancel_futures=True)  # which waits until all files are back in place
                raise
        return findings


def _awaited(future: Future[Finding]) -> Finding:
    """Wait for `future` and return its result, without delaying signals.

    Python runs signal handlers in this thread; if the kernel delivers a signal to another thread, a wait
    without a timeout would not notice it.
    """
    while not future.done():
        wait([future], timeout=_GLANCE)
    return future.result()


@contextmanager
def _scratch_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="twisted-distcc-verify-") as folder:
        yield Path(folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="twisted-distcc verify",
        usage="twisted-distcc verify PROJECT [-j N] [--json] [--keep DIR] [-- COMMAND...]",
        description="Compile every unit of a build here and through the farm, and compare all files "
        "that it makes, and its messages.  The compiles are those of PROJECT's compile_commands.json, "
        "or those that ninja knows, or those that COMMAND (by default make) runs.",
        epilog="exit status: 0 if nothing differs and servers compiled something, 1 if not, "
        f"{EXIT_FAILURE} if it could not be carried out",
        allow_abbrev=False,
    )
    parser.add_argument("folder", metavar="PROJECT", type=Path, help="the folder that the build runs in")
    parser.add_argument(
        "-j",
        "--jobs",
        metavar="N",
        type=positive,
        default=len(os.sched_getaffinity(0)),
        help="compiles at a time (default: %(default)s, one per processor)",
    )
    parser.add_argument("--json", action="store_true", help="print the result as a JSON object")
    parser.add_argument(
        "--keep", metavar="DIR", type=Path, help="keep both sides of each difference in folders in DIR"
    )
    return parser
