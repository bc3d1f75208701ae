"""The whole of `verify` with real build tools; with stand-ins for server and client, and without."""

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.cli.demo.commands import install
from tests.live import is_running
from twisted_distcc.cli.verify import main
from twisted_distcc.errors import EXIT_FAILURE

ROOT = Path(__file__).parents[3]
MAKEFILE = "all: a.o b.o\n%.o: %.c\n\t$(CC) -O2 -Wall -MMD -c $< -o $@\nclean:\n\trm -f *.o *.d\n"
CMAKE = """\
cmake_minimum_required(VERSION 3.20)
project(small C CXX)
set(CMAKE_CXX_STANDARD 17)
add_custom_command(
    OUTPUT made.h
    COMMAND ${CMAKE_COMMAND} -E copy ${CMAKE_CURRENT_SOURCE_DIR}/made.in made.h
)
add_library(small a.c b.cc made.h)
target_include_directories(small PRIVATE ${CMAKE_CURRENT_BINARY_DIR} include)
"""


class StoryTestCase(SynchronousTestCase):
    """A project, and what `verify` says of it."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp()).absolute()
        self.project = self.root / "project"
        self.project.mkdir(parents=True)
        self.temporary = self.root / "tmp"
        self.temporary.mkdir()
        self.temporary.chmod(0o755)
        self.patch(tempfile, "tempdir", str(self.temporary))
        left = ("DISTCC_", "CC", "CXX", "MAKE", "MFLAGS")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(left)}
        self.patch(os, "environ", clean | {"HOME": str(self.root)})

    def make_project(self) -> None:
        """Two sources, one with a header and a warning, and a Makefile."""
        (self.project / "Makefile").write_text(MAKEFILE)
        (self.project / "a.h").write_text("#define A 1\n")
        (self.project / "a.c").write_text('#include "a.h"\nint a(void) { int unused; return A; }\n')
        (self.project / "b.c").write_text("int b(void) { return 2; }\n")

    def cmake_project(self) -> Path:
        """A project of CMake's with a generated header, and its folder out of the tree."""
        (self.project / "CMakeLists.txt").write_text(CMAKE)
        (self.project / "made.in").write_text("#define MADE 1\n")
        (self.project / "include").mkdir()
        (self.project / "include" / "own.h").write_text("#pragma once\n#include <stddef.h>\n")
        (self.project / "a.c").write_text('#include "own.h"\nsize_t a(void) { return sizeof(int); }\n')
        (self.project / "b.cc").write_text(
            '#include <string>\n#include "made.h"\n#include "own.h"\n'
            "std::string b() { return std::string(MADE, 'x'); }\n"
        )
        build = self.root / "out of tree"
        command = ["cmake", "-G", "Ninja", "-S", self.project, "-B", build, "-DCMAKE_C_FLAGS=-O2"]
        subprocess.run([*command, "-DCMAKE_CXX_FLAGS=-O2"], check=True, capture_output=True)
        return build

    def verify(self, *arguments: str) -> tuple[int, str, str]:
        """The status and the output of `verify`, and what it says on the way."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(arguments)
        return status, out.getvalue(), err.getvalue()


class StandInTests(StoryTestCase):
    """`verify` with a stand-in for `tdistcc`."""

    def client(self, compile_line: str = 'exec "$@"') -> None:
        """Install a `tdistcc` that ends in this line, and a `twistd`."""
        self.patch(sys, "executable", install(self.root / "bin", compile_line))

    def test_same(self) -> None:
        """A project that make builds: every unit is counted, and nothing is left but the build."""
        self.make_project()
        self.client()
        status, out, err = self.verify(str(self.project))
        self.assertEqual(status, 0, out + err)
        self.assertIn("     2 units\n", out)
        self.assertIn("     2 identical\n", out)
        names = ["Makefile", "a.c", "a.d", "a.h", "a.o", "b.c", "b.d", "b.o"]
        self.assertEqual(sorted(os.listdir(self.project)), names)
        self.assertEqual(os.listdir(self.temporary), [])

    def test_different(self) -> None:
        """One object that differs is named, with its section, and the status is 1."""
        self.make_project()
        self.client('case "$*" in *b.c*) set -- "$@" -O0 ;; esac\nexec "$@"')
        status, out, _ = self.verify(str(self.project), "--keep", str(self.root / "kept"))
        self.assertEqual(status, 1, out)
        self.assertIn(f"DIFFERENT: {self.project}/b.c\n  object: .eh_frame .symtab .text\n", out)
        self.assertNotIn("a.c\n", out)
        kept = self.root / "kept" / "1-b.c"
        self.assertEqual(sorted(os.listdir(kept)), ["command", "here", "there"])

    def test_built_already(self) -> None:
        """Where make has nothing to do, a sentence says what to do."""
        self.make_project()
        subprocess.run(["make", "-C", self.project], check=True, capture_output=True)
        self.client()
        status, out, err = self.verify(str(self.project))
        self.assertEqual((status, out), (EXIT_FAILURE, ""))
        self.assertIn("if all is built already, clean it first", err)

    def test_command(self) -> None:
        """A command after `--` is what is recorded, in the project's folder."""
        self.make_project()
        self.client()
        status, out, _ = self.verify(str(self.project), "--json", "--", "make", "b.o")
        self.assertEqual((status, json.loads(out)["units"]), (0, 1))

    def test_build_fails(self) -> None:
        """A build that fails is told with its own complaint."""
        self.make_project()
        (self.project / "a.c").write_text("int a = nonsense;\n")
        self.client()
        status, out, err = self.verify(str(self.project))
        self.assertEqual((status, out), (EXIT_FAILURE, ""))
        self.assertIn("nonsense", err)

    def test_no_project(self) -> None:
        """A folder in which nothing is known is refused with a sentence."""
        status, _, err = self.verify(str(self.project))
        self.assertEqual(status, EXIT_FAILURE)
        self.assertIn("has no compile_commands.json, no build.ninja and no Makefile", err)

    def test_database(self) -> None:
        """With a compile_commands.json nothing is built, and a source that fails here is told of."""
        (self.project / "a.c").write_text('#include "not_made_yet.h"\n')
        (self.project / "b.c").write_text("int b;\n")
        entries = [
            {"directory": str(self.project), "file": name, "command": f"gcc -c {name} -o out/{name}.o"}
            for name in ("a.c", "b.c")
        ]
        (self.project / "compile_commands.json").write_text(json.dumps(entries))
        self.client()
        status, out, _ = self.verify(str(self.project))
        self.assertEqual(status, 0, out)
        self.assertIn(f"Does not compile on this machine: {self.project}/a.c\n", out)
        names = ["a.c", "b.c", "compile_commands.json"]
        self.assertEqual(sorted(os.listdir(self.project)), names)

    def test_one_file(self) -> None:
        """Units that write the same file, by whatever name, do not get in each other's way."""
        (self.project / "a.c").write_text("int a = N;\n")
        (self.project / "link").symlink_to(".")
        commands = [f"gcc -DN={n} -c a.c -o {place}a.o" for n in range(4) for place in ("", "link/")]
        commands += [f"gcc -DN={n} -MMD -MF a.d -c a.c -o {n}.o" for n in range(4)]
        entries = [{"directory": str(self.project), "command": command} for command in commands]
        (self.project / "compile_commands.json").write_text(json.dumps(entries))
        self.client()
        status, out, _ = self.verify(str(self.project), "-j8")
        self.assertEqual(status, 0, out)
        self.assertIn("    12 identical\n", out)

    def test_users_servers(self) -> None:
        """Servers that the user lists are used, this machine's own slots are not."""
        self.make_project()
        self.client('echo "$DISTCC_HOSTS" >>' + str(self.root / "hosts") + '\nexec "$@"')
        os.environ["DISTCC_HOSTS"] = "localhost/2 red/3,lzo --randomize"
        status, out, err = self.verify(str(self.project))
        self.assertEqual(status, 0, out + err)
        lines = set((self.root / "hosts").read_text().splitlines())
        self.assertEqual(lines, {"red/3,lzo --localslots=4 --localslots_cpp=8 --randomize"})
        self.assertFalse((self.root / "jobs.log").exists())

    def test_hosts_file(self) -> None:
        """Servers in the user's own file count as well."""
        self.make_project()
        self.client()
        (self.root / ".distcc").mkdir()
        (self.root / ".distcc" / "hosts").write_text("blue\n")
        _, _, err = self.verify(str(self.project))
        self.assertIn("Servers: blue ", err)

    def test_jobs(self) -> None:
        """The number of jobs is at least one."""
        with contextlib.redirect_stderr(io.StringIO()):
            for number in ("0", "-1", "many"):
                self.assertRaises(SystemExit, main, ["project", "-j", number])


VERIFY = """
import sys
sys.path.insert(0, {root!r})
from twisted_distcc.cli import installed
from twisted_distcc.cli.verify import main
installed.sys.executable = {python!r}
sys.exit(main([{project!r}, "-j1", "--", "make", "-B"]))
"""


class SignalTests(StoryTestCase):
    """`verify` is told to stop in the middle of a compile."""

    def stopped_by(self, number: signal.Signals) -> tuple[int, str]:
        """The status and the words of `verify` when a signal comes while the client compiles."""
        self.make_project()
        begun = self.root / "begun"
        os.mkfifo(begun)
        python = install(self.root / "bin", f"sleep 60 & echo $! >{begun}; wait")
        script = VERIFY.format(root=str(ROOT), python=python, project=str(self.project))
        with subprocess.Popen(
            [sys.executable, "-c", script],
            env=os.environ | {"TMPDIR": str(self.temporary)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                self.compiler = int(begun.read_text())
                self.assertFalse((self.project / "a.o").exists())
                process.send_signal(number)
                out, _ = process.communicate(timeout=30)
            finally:
                process.kill()
        return process.returncode, out

    def check(self, number: signal.Signals) -> None:
        """Stop it, and look at what is left."""
        status, out = self.stopped_by(number)
        self.assertEqual(status, 128 + signal.SIGINT, out)
        self.assertIn("Stopped: your files are as they were.", out)
        names = ["Makefile", "a.c", "a.d", "a.h", "a.o", "b.c", "b.d", "b.o"]
        self.assertEqual(sorted(os.listdir(self.project)), names)
        self.assertEqual(os.listdir(self.temporary), [])
        self.assertFalse(is_running(self.compiler))

    def test_interrupt(self) -> None:
        """Ctrl-C ends the compiles, gives the user's files back, and says so."""
        self.check(signal.SIGINT)

    def test_terminate(self) -> None:
        """SIGTERM does the same."""
        self.check(signal.SIGTERM)


class LiveTests(StoryTestCase):
    """`verify` with its own farm and the real client."""

    def setUp(self) -> None:
        super().setUp()
        # The path of the agent's socket has to be short.
        short = tempfile.mkdtemp(dir="/tmp")
        self.addCleanup(shutil.rmtree, short)
        os.chmod(short, 0o755)
        tempfile.tempdir = short

    def verify_all(self, units: int, *arguments: str) -> None:
        """Verify so many units that are all to come back from a server, and the same."""
        status, out, err = self.verify(*arguments, "--json")
        self.assertEqual(status, 0, out + err)
        value = json.loads(out)
        found = (value["units"], value["identical"], value["fell_back"])
        self.assertEqual(found, (units, units, []))

    def test_make(self) -> None:
        """A project that make builds comes back from a real server as this machine makes it."""
        self.make_project()
        (self.project / "a.c").write_text("int a(void) { return 1; }\n")
        self.verify_all(2, str(self.project))

    def test_ninja(self) -> None:
        """So does one of C and C++ that CMake and ninja build out of the tree, with a made header."""
        self.verify_all(2, str(self.cmake_project()))

    def test_preprocessed(self) -> None:
        """So do sources that are preprocessed already, with their names and the compilers' warnings."""
        text = '# 1 "gone.c"\nint a(void) { int unused; return 1; }\n'
        for name in ("a.i", "b.ii"):
            (self.project / name).write_text(text)
        (self.project / "c.s").write_text(".text\nc: ret\n")
        commands = [
            f"{compiler} {options} -c {source} -o {compiler}-{source}.o"
            for compiler in ("gcc", "clang")
            for source, options in (("a.i", "-g -Wall -MD"), ("b.ii", "-O2 -g -Wall"), ("c.s", "-MMD"))
        ]
        entries = [{"directory": str(self.project), "command": command} for command in commands]
        (self.project / "compile_commands.json").write_text(json.dumps(entries))
        self.verify_all(6, str(self.project))
