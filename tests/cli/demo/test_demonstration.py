"""The whole demo, with real make and gcc, and stand-ins for server and client."""

import contextlib
import io
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.cli.demo.commands import install
from twisted_distcc.cli.demo import main
from twisted_distcc.errors import EXIT_FAILURE

ROOT = Path(__file__).parents[3]
MAKEFILE = "CFLAGS = -O2\nall: a.o b.o\n%.o: %.c\n\t$(CC) $(CFLAGS) -c $< -o $@\n"
# One line of a macro that preprocessing moves: its column numbers differ in debug information.
SOURCE = "#define TWICE(x) ((x) + (x))\nint {name}(int y) {{ return TWICE(TWICE(y)) * TWICE(3); }}\n"


class DemoTests(SynchronousTestCase):
    """`twisted-distcc demo --project DIR`."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp()).absolute()
        self.project = self.root / "project"
        self.project.mkdir(parents=True)
        (self.project / "Makefile").write_text(MAKEFILE)
        for name in "ab":
            (self.project / f"{name}.c").write_text(SOURCE.format(name=name))
        self.temporary = self.root / "tmp"
        self.temporary.mkdir()
        self.patch(tempfile, "tempdir", str(self.temporary))
        clean = {name: value for name, value in os.environ.items() if name not in ("CC", "CXX")}
        self.patch(os, "environ", clean)

    def demo(self, compile_line: str = 'exec "$@"') -> tuple[int, str]:
        """The status and the output of the demo, with a tdistcc that ends in `compile_line`."""
        self.patch(sys, "executable", install(self.root / "bin", compile_line))
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            status = main(["--project", str(self.project), "--jobs", "2"])
        return status, out.getvalue()

    def test_same(self) -> None:
        """All compiled on the server, all the same: success, and a table that says so."""
        status, out = self.demo()
        self.assertEqual(status, 0, out)
        self.assertRegex(out, r"(?m)^alone +2 +0 +2 +\d")
        self.assertRegex(out, r"(?m)^through the farm +2 +2 +0 +\d")
        self.assertIn("2 objects are the same, byte for byte.", out)
        self.assertNotIn("two steps", out)

    def test_nothing_left(self) -> None:
        """Afterwards there is no temporary file, and the project is as it was."""
        self.demo()
        self.assertEqual(os.listdir(self.temporary), [])
        self.assertEqual(sorted(os.listdir(self.project)), ["Makefile", "a.c", "b.c"])

    def test_different(self) -> None:
        """An object that no local compile gives is named, and the demo fails."""
        status, out = self.demo('case "$*" in *b.c*) set -- "$@" -Dint=long ;; esac\nexec "$@"')
        self.assertEqual(status, 1, out)
        self.assertIn("1 objects are the same", out)
        self.assertIn("1 objects DIFFER: b.o", out)

    def test_preprocessed_first(self) -> None:
        """Debug information of a source that was preprocessed first is right, and explained."""
        (self.project / "Makefile").write_text(MAKEFILE.replace("-O2", "-O2 -g"))
        status, out = self.demo('compiler=$1\nshift\nexec "$compiler" -no-integrated-cpp "$@"')
        self.assertEqual(status, 0, out)
        self.assertIn("2 more are the same as those of a local compile that preprocesses first", out)

    def test_missing(self) -> None:
        """An object that only one of the builds has is named, and the demo fails."""
        self.project.joinpath("Makefile").write_text(
            MAKEFILE + "all: extra\nextra:\n\tcase '$(CC)' in *tdistcc*) touch c.o ;; esac\n"
        )
        status, out = self.demo()
        self.assertEqual(status, 1, out)
        self.assertIn("1 objects are MISSING from one of the builds: c.o", out)

    def test_nothing_on_the_server(self) -> None:
        """Objects that are right but were all made here are no success."""
        status, out = self.demo(': >"$DISTCC_DIR/../jobs.log"\nexec "$@"')
        self.assertEqual(status, 1, out)
        self.assertIn("NOTHING was compiled on the server.", out)

    def test_configure_does_not_count(self) -> None:
        """What configure compiles on the server is not counted with the build."""
        (self.project / "Makefile").rename(self.project / "Makefile.in")
        (self.project / "configure").write_text(
            "#!/bin/sh\n"
            'for word; do eval "${word%%=*}=\\${word#*=}"; done\n'
            "$CC -c a.c -o conftest.x\n"
            '(echo "CC = $CC"; cat Makefile.in) >Makefile\n'
        )
        status, out = self.demo()
        self.assertEqual(status, 0, out)
        self.assertRegex(out, r"(?m)^through the farm +2 +2 +0 ")

    def test_cannot_be_built(self) -> None:
        """A project that does not build fails with its own complaint, and leaves nothing."""
        (self.project / "a.c").write_text("int a = nonsense;\n")
        status, out = self.demo()
        self.assertEqual(status, EXIT_FAILURE)
        self.assertIn("nonsense", out)
        self.assertEqual(os.listdir(self.temporary), [])

    def test_no_project(self) -> None:
        """A folder that is no project fails with a sentence."""
        self.project = self.root / "nowhere"
        status, out = self.demo()
        self.assertEqual(status, EXIT_FAILURE)
        self.assertIn("nowhere has no CMakeLists.txt", out)

    def test_home(self) -> None:
        """A project below `~` is found, where a shell has left the `~` alone."""
        self.patch(os, "environ", os.environ | {"HOME": str(self.root)})
        self.patch(sys, "executable", install(self.root / "bin"))
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(main(["--project", "~/project"]), 0)

    def test_jobs(self) -> None:
        """The number of jobs is at least one."""
        with contextlib.redirect_stderr(io.StringIO()):
            for number in ("0", "-1", "many"):
                self.assertRaises(SystemExit, main, ["--jobs", number])


DEMO = """
import sys
sys.path.insert(0, {root!r})
from twisted_distcc.cli import installed
from twisted_distcc.cli.demo import main
installed.sys.executable = {python!r}
sys.exit(main(["--project", {project!r}, "--jobs", "2"]))
"""


class SignalTests(SynchronousTestCase):
    """The demo is told to stop in the middle of a build."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp()).absolute()
        self.project = self.root / "project"
        self.project.mkdir(parents=True)
        (self.project / "Makefile").write_text(
            f"all:\n\techo $$PPID >{self.root}/make; touch {self.root}/building; exec sleep 60\n"
        )
        (self.root / "tmp").mkdir()

    def stopped_by(self, number: signal.Signals) -> tuple[int, str]:
        """The demo's status and output when a signal comes during its build."""
        python = install(self.root / "bin")
        script = DEMO.format(root=str(ROOT), python=python, project=str(self.project))
        with subprocess.Popen(
            [sys.executable, "-c", script],
            env=os.environ | {"TMPDIR": str(self.root / "tmp")},
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            deadline = time.monotonic() + 30
            while not (self.root / "building").exists():
                self.assertLess(time.monotonic(), deadline, "the build never began")
                time.sleep(0.02)
            server = next((self.root / "tmp").glob("*/server/pid")).read_text()
            process.send_signal(number)
            out, _ = process.communicate(timeout=30)
        self.assertRaises(ProcessLookupError, os.kill, int(server), 0)
        make = (self.root / "make").read_text()
        self.assertRaises(ProcessLookupError, os.kill, int(make), 0)
        return process.returncode, out

    def test_interrupt(self) -> None:
        """Ctrl-C stops the build and the server, removes the temporary folder, and says so."""
        status, out = self.stopped_by(signal.SIGINT)
        self.assertEqual(status, 128 + signal.SIGINT)
        self.assertIn("Stopped", out)
        self.assertEqual(os.listdir(self.root / "tmp"), [])

    def test_terminate(self) -> None:
        """SIGTERM does the same."""
        status, _ = self.stopped_by(signal.SIGTERM)
        self.assertEqual(status, 128 + signal.SIGINT)
        self.assertEqual(os.listdir(self.root / "tmp"), [])
