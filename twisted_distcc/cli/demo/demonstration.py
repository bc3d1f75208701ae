"""The steps of the demo, from beginning to end, and what counts as success."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from twisted_distcc.cli.arguments import positive
from twisted_distcc.cli.demo.comparison import compare
from twisted_distcc.cli.demo.library import LIBRARIES, library_project
from twisted_distcc.cli.demo.local_farm import running_farm
from twisted_distcc.cli.demo.project import Build, Builder, Compilers, Project, user_project
from twisted_distcc.cli.demo.screen import Result, Screen, table
from twisted_distcc.cli.installed import installed_command
from twisted_distcc.cli.interrupted import interrupted_by_sigterm
from twisted_distcc.errors import EXIT_FAILURE, DistccError

_PREPROCESS_FIRST = "-no-integrated-cpp"


def main(arguments: Sequence[str]) -> int:
    """Run the demo; return 0 if the farm did its work, and did it right."""
    options = _parser().parse_args(arguments)
    screen = Screen(sys.stdout)
    try:
        with interrupted_by_sigterm(), _scratch_folder() as scratch:
            return Demo(scratch, options.jobs, screen).run(options.project)
    except KeyboardInterrupt:
        screen.line("Stopped: the server is down and the temporary folder is gone.")
        return 128 + signal.SIGINT
    except (DistccError, OSError) as error:
        screen.line(f"The demo failed: {error}")
        return EXIT_FAILURE


@dataclass(frozen=True, slots=True)
class Demo:
    """One run of the demo: its temporary folder, how many compiles run at once, and the screen."""

    scratch: Path
    jobs: int
    screen: Screen

    def run(self, folder: Path | None) -> int:
        """Build a project alone and through a farm, show the differences, and return the exit status."""
        project = self._project(folder)
        plain = Compilers(os.environ.get("CC", "gcc"), os.environ.get("CXX", "g++"))
        farmed = replace(plain, launcher=os.fspath(installed_command("tdistcc")))
        with running_farm(self.scratch / "server", self.jobs) as farm:
            self.screen.line(f"{project.title}; a server listens on {farm.address}.")
            builder = Builder(self.scratch, self.jobs, farm.environment, self.screen.building)
            builder.prepare("alone", project, plain)
            alone = self._finished(builder.build("alone", project, plain))
            builder.prepare("through the farm", project, farmed)
            before = farm.jobs_done()  # configure tries the compiler too
            shared = self._finished(builder.build("through the farm", project, farmed))
        result = Result(alone, shared, farm.jobs_done() - before, compare(alone, shared))
        if result.comparison.different:
            result = self._second_look(result, builder, project, plain)
        self.screen.line(table(result))
        return 0 if result.success else 1

    def _project(self, folder: Path | None) -> Project:
        if folder is None:
            return library_project(LIBRARIES, self.scratch / "source", self.screen.line)
        return user_project(folder)

    def _second_look(
        self, result: Result, builder: Builder, project: Project, plain: Compilers
    ) -> Result:
        """Compare what differs with a local compile that preprocesses first, as the farm does.

        With -g (because of column numbers) and, for some sources, with -O0, gcc's objects differ then.
        """
        two_steps = replace(
            plain, c=f"{plain.c} {_PREPROCESS_FIRST}", cxx=f"{plain.cxx} {_PREPROCESS_FIRST}"
        )
        builder.prepare("alone, in two steps", project, two_steps)
        reference = self._finished(builder.build("alone, in two steps", project, two_steps))
        same = compare(reference, result.shared).same & result.comparison.different
        return replace(result, same_in_two_steps=same)

    def _finished(self, build: Build) -> Build:
        self.screen.line(f"{build.name}: {len(build.objects)} objects, {build.seconds:.1f} s")
        return build


@contextmanager
def _scratch_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="twisted-distcc-demo-") as folder:
        yield Path(folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="twisted-distcc demo",
        description="Build a C library twice, with the plain compiler and through a server that "
        "this command starts on the loopback address, and compare the objects. "
        "The downloaded source stays in ~/.cache/twisted-distcc; all else is removed.",
    )
    parser.add_argument(
        "--project",
        metavar="DIR",
        type=_folder,
        help="build a copy of the project in DIR instead (CMakeLists.txt, configure or Makefile)",
    )
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=positive,
        default=len(os.sched_getaffinity(0)),
        help="compiles at a time (default: %(default)s, one per processor)",
    )
    return parser


def _folder(text: str) -> Path:
    return Path(text).expanduser()  # `make PROJECT=~/x` is not expanded by some shells
