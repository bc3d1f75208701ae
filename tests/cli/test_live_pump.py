"""Debian's distcc under `twisted-distcc pump`, with C distccd and with our server."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import shutil
import signal
import socket
import tempfile
from pathlib import Path

from twisted.internet.threads import deferToThread

from tests.distccd import DISTCCD, start_distccd
from tests.live import Child, LiveServer, LiveTestCase, is_running, until
from twisted_distcc.cli import pump
from twisted_distcc.cli.installed import installed_command
from twisted_distcc.includes.include_server import pack_answer
from twisted_distcc.wire.tokens import encode_header

DISTCC = shutil.which("distcc", path="/usr/bin:/usr/local/bin")

# Relative names; a folder that `..` walks through, and a link; a system's header.
RELATIVE = """\
#include "empty/../one.h"
#include <linked/two.h>
#include <stddef.h>
const char *relative(void) { return ONE TWO __FILE__; }
"""
# Absolute names, in the source's own and in its header's place.
ABSOLUTE = """\
#include <three.h>
const char *absolute(void) { return three() + sizeof(__FILE__); }
"""
FILES = {
    "relative.c": RELATIVE,
    "absolute.cc": ABSOLUTE,
    "one.h": '#define ONE "one"\n',
    "real/two.h": '#define TWO "two" __FILE__\n',
    "inc/three.h": "inline const char *three() { return __FILE__; }\n",
    "dated.c": "const char *dated(void) { return __DATE__; }\n",
    "wrong.c": '#include "one.h"\nint main(void) { return no_such_thing; }\n',
    "Makefile": """\
OBJECTS := relative.o absolute.o
all: $(OBJECTS) dated.o
relative.o: relative.c
	$(CC) $(CFLAGS) -I. -MD -c relative.c -o relative.o
absolute.o: absolute.cc
	$(CXX) $(CFLAGS) -I$(CURDIR)/inc -MMD -MF absolute.d -c $(CURDIR)/absolute.cc -o absolute.o
dated.o: dated.c
	$(CC) $(CFLAGS) -c dated.c
""",
}
# Beyond these are glibc's own.
_NAMED_SIGNALS = (1 << 31) - 1
PRODUCTS = ("relative.o", "relative.d", "absolute.o", "absolute.d")


class PumpTestCase(LiveTestCase):
    """A user with a project in `work`."""

    if DISTCC is None or DISTCCD is None:
        skip = "C distcc is not installed; tools/debian-packages distcc"

    def setUp(self) -> None:
        # The name of a socket has to be short, and trial's own folders are not.
        self.runtime = Path(tempfile.mkdtemp(prefix="pump-test-"))
        self.addCleanup(shutil.rmtree, self.runtime)
        home = self.place()
        self.work = home / "work"
        for name, text in FILES.items():
            (self.work / name).parent.mkdir(parents=True, exist_ok=True)
            (self.work / name).write_text(text)
        (self.work / "empty").mkdir()
        os.symlink("real", self.work / "linked")
        (home / "distcc").mkdir()
        self.environ = {
            "XDG_RUNTIME_DIR": str(self.runtime),
            "DISTCC_DIR": str(home / "distcc"),
            "DISTCC_HOSTS": "127.0.0.1/4,lzo,cpp",
            "DISTCC_FALLBACK": "0",
            "DISTCC_SKIP_LOCAL_RETRY": "1",
            "DISTCC_BACKOFF_PERIOD": "0",
            "LC_ALL": "C",
            "MAKEFLAGS": "",
        }

    def pump(self, *command: str, **changes: str) -> Child:
        """Start a build in the project's folder."""
        return self.start(
            "twisted-distcc", "pump", "--verbose", *command,
            environ=self.environ | changes, directory=self.work,
        )  # fmt: skip

    def make(self, *words: str) -> Child:
        """Start make with distcc."""
        return self.pump("make", "--jobs=2", f"CC={DISTCC} gcc", f"CXX={DISTCC} g++", *words)

    async def succeeds(self, child: Child) -> None:
        self.assertEqual(await child.ended(), 0, child.stderr)

    async def c_distccd(self) -> Child:
        """Start C distccd, and make it the user's only host."""
        server, port = await start_distccd(self, "--verbose", "--jobs", "2")
        self.environ["DISTCC_HOSTS"] = f"127.0.0.1:{port}/4,lzo,cpp"
        return server

    async def our_server(self) -> LiveServer:
        """Start a server of ours with sandboxes, and make it the user's only host."""
        server = await self.serve("--sandbox=require")
        self.environ["DISTCC_HOSTS"] = f"127.0.0.1:{server.port}/4,lzo,cpp"
        return server

    async def local(self, *words: str) -> dict[str, bytes]:
        """Build here, give the products without the folding of rules, and take them away again."""
        child = self.start("make", *words, environ=self.environ, directory=self.work)
        await self.succeeds(child)
        return self.products()

    def products(self) -> dict[str, bytes]:
        made = {}
        for name in PRODUCTS:
            contents = (self.work / name).read_bytes()
            made[name] = b" ".join(contents.split()) if name.endswith(".d") else contents
            (self.work / name).unlink()
        (self.work / "dated.o").unlink()
        return {name: text.replace(b" \\", b"") for name, text in made.items()}


class BuildTests(PumpTestCase):
    async def test_c_distccd(self) -> None:
        """C distccd preprocesses: objects and rules are those of this machine."""
        expected = await self.local()
        server = await self.c_distccd()
        build = self.make()
        await self.succeeds(build)
        self.assertEqual(self.products(), expected)
        self.assertIn("compiles for servers to preprocess: 2; for distcc: 1", build.stderr)
        self.assertEqual(server.stderr.count("COMPILE_OK"), 3)
        self.assertEqual(server.stderr.count("DIST00000003"), 2, server.stderr)

    async def test_our_server(self) -> None:
        """A server of ours preprocesses: with debug information, too, all is as on this machine."""
        expected = await self.local("CFLAGS=-g -O2")
        server = await self.our_server()
        build = self.make("CFLAGS=-g -O2")
        await self.succeeds(build)
        self.assertEqual(self.products(), expected)
        versions = [job.partition("version=")[2][0] for job in server.jobs]
        self.assertEqual(sorted(versions), ["2", "3", "3"])

    async def test_edited(self) -> None:
        """A header that changes, appears or goes in the middle of a build is read as it is then."""
        server = await self.c_distccd()
        (self.work / "a.c").write_text("#include <x.h>\nconst char *a(void) { return X __FILE__; }\n")
        for folder in ("i", "j"):
            (self.work / folder).mkdir()
        command = f"{DISTCC} gcc -Ii -Ij -c a.c -o"
        write = "printf '#define X \"%s\"\\n'"
        script = (
            f"{write} 1 >j/x.h; {command} 1.o && {write} 2 >j/x.h; {command} 2.o &&"
            f"{write} 3 >i/x.h; {command} 3.o && rm i/x.h; {command} 4.o"
        )
        await self.succeeds(self.pump("sh", "-c", script))
        local = script.replace(f"{DISTCC} gcc", "gcc").replace(".o", ".local")
        await self.succeeds(self.start("sh", "-c", local, directory=self.work))
        for number in "1234":
            made, expected = ((self.work / f"{number}.{end}").read_bytes() for end in ("o", "local"))
            self.assertEqual(made, expected, number)
        self.assertEqual(server.stderr.count("DIST00000003"), 4)

    async def test_error(self) -> None:
        """A wrong source is told of as here, and fails with the compiler's status."""
        await self.our_server()
        build = self.pump(str(DISTCC), "gcc", "-c", "wrong.c")
        self.assertEqual(await build.ended(), 1)
        self.assertIn("wrong.c:2:25: error: ", build.stderr)

    async def test_left_to_distcc(self) -> None:
        """What cannot be told, or not on a server, is preprocessed by distcc, and the reason is said."""
        await self.c_distccd()
        build = self.pump(str(DISTCC), "gcc", "-c", "dated.c", SOURCE_DATE_EPOCH="0")
        await self.succeeds(build)
        self.assertIn(b"Jan  1 1970", (self.work / "dated.o").read_bytes())
        self.assertIn("distcc preprocesses", build.stderr)
        self.assertIn("compiles for servers to preprocess: 0; for distcc: 1", build.stderr)


class AloneTests(PumpTestCase):
    """`pump --startup` and `pump --shutdown`, as pump(1) has them."""

    def script(self, *lines: str) -> Child:
        """Start a shell script, which finds `pump` as users find it."""
        path = f"{installed_command('pump').parent}:{os.environ['PATH']}"
        environ = self.environ | {"PATH": path}
        return self.start("sh", "-ec", "\n".join(lines), environ=environ, directory=self.work)

    async def test_a_build(self) -> None:
        """The example of pump(1) works as it is written, and leaves nothing."""
        expected = await self.local()
        server = await self.c_distccd()
        build = self.script(
            "eval `pump --startup --verbose`",
            f"make --jobs=2 'CC={DISTCC} gcc' 'CXX={DISTCC} g++'",
            "pump --shutdown",
            "echo $INCLUDE_SERVER_PID $INCLUDE_SERVER_DIR",
        )
        await self.succeeds(build)
        self.assertEqual(self.products(), expected)
        self.assertIn("compiles for servers to preprocess: 2; for distcc: 1", build.stderr)
        self.assertEqual(server.stderr.count("DIST00000003"), 2, server.stderr)
        pid, folder = build.stdout.decode().split()[-2:]
        self.assertFalse(is_running(int(pid)))
        self.assertFalse(Path(folder).exists())

    async def test_who_starts_it(self) -> None:
        """It holds nothing open of whoever started it, and goes on when that has ended."""
        started = self.script("pump --startup")
        await self.succeeds(started)
        exports = started.stdout.decode()
        self.assertEqual(
            re.findall(r"(?m)^export (\w+)=", exports),
            ["INCLUDE_SERVER_PID", "INCLUDE_SERVER_DIR", "INCLUDE_SERVER_PORT"],
        )
        pid = int(exports.split("PID=")[1].split()[0])
        self.addCleanup(kill_if_running, pid)
        self.assertTrue(is_running(pid))
        opened = {os.readlink(f"/proc/{pid}/fd/{number}") for number in (0, 1, 2)}
        self.assertFalse({name for name in opened if str(started.folder) in name})
        ended = self.script(exports, "pump --shutdown")
        await self.succeeds(ended)
        self.assertFalse(is_running(pid))

    async def test_nothing_to_shut_down(self) -> None:
        """Where no include server is, or another process than the variables say, nothing ends."""
        another = self.script("pump --startup")
        await self.succeeds(another)
        pid = int(another.stdout.split(b"PID=")[1].split()[0])
        self.addCleanup(kill_if_running, pid)
        for lines in (
            ("pump --shutdown",),
            (another.stdout.decode(), "export INCLUDE_SERVER_PID=1", "pump --shutdown"),
        ):
            child = self.script(*lines)
            await self.succeeds(child)
            self.assertIn("there is no include server where", child.stderr)
        self.assertTrue(is_running(pid))

    def test_wrong_words(self) -> None:
        """Nothing to do, and two things to do, are refused."""
        for words in ((), ("--startup", "--shutdown"), ("--startup", "make")):
            said = io.StringIO()
            with contextlib.redirect_stderr(said), self.assertRaises(SystemExit) as caught:
                pump.main(words)
            self.assertEqual(caught.exception.code, 2)
            self.assertIn("give the command of a build", said.getvalue())


def kill_if_running(pid: int) -> None:
    if is_running(pid):
        os.kill(pid, signal.SIGTERM)


class CommandTests(PumpTestCase):
    async def held(self, script: str = "") -> tuple[Child, Path]:
        """Start a build that waits for the file `done`, and give the include server's socket."""
        waits = "while [ ! -e done ]; do sleep 0.02; done"
        build = self.pump("sh", "-c", f'{script} echo "$INCLUDE_SERVER_PORT"; {waits}')
        await until(lambda: build.stdout.endswith(b"\n") or build.has_ended(), "the build has begun")
        return build, Path(os.fsdecode(build.stdout.strip()))

    async def test_status(self) -> None:
        """The exit status is the build's, or what a shell gives for a signal or for no command."""
        for command, status in (
            (("sh", "-c", "exit 7"), 7),
            (("sh", "-c", "kill -TERM $$"), 128 + signal.SIGTERM),
            (("no-such-command",), 127),
            (("./one.h",), 126),
        ):
            self.assertEqual(await self.pump(*command).ended(), status, command)

    async def test_nothing_is_left(self) -> None:
        """Socket and copies are the user's alone, and gone after the build."""
        build, port = await self.held()
        self.assertEqual(port.parent.stat().st_mode & 0o777, 0o700)
        self.assertEqual(port.stat().st_mode & 0o777, 0o600)
        answer = await deferToThread(self.ask, port, "gcc", "-I.", "-c", "relative.c")
        copy = Path(os.fsdecode(answer[24:]).partition("ARGV")[0])
        self.assertTrue(copy.exists(), answer)
        copies = Path("/", *copy.parts[1:4])
        self.assertEqual(copies.stat().st_mode & 0o777, 0o700)
        (self.work / "done").touch()
        await self.succeeds(build)
        self.assertEqual((port.parent.exists(), copies.exists()), (False, False))

    async def test_asked_badly(self) -> None:
        """Whoever asks rubbish, goes away or is silent disturbs nobody."""
        build, port = await self.held()
        silent = socket.socket(socket.AF_UNIX)
        self.addCleanup(silent.close)
        silent.connect(str(port))
        rubbish = await deferToThread(self.send, port, b"GET / HTTP/1.0\r\n\r\n")
        self.assertEqual(rubbish, b"")
        gone = socket.socket(socket.AF_UNIX)
        gone.connect(str(port))
        gone.sendall(self.question("gcc", "-I.", "-c", "relative.c"))
        gone.close()
        for command in (("no-such-compiler", "-c", "one.c"), ("gcc", "-c", "no-such.c"), ("gcc",)):
            answer = await deferToThread(self.ask, port, *command)
            self.assertEqual(answer, pack_answer([]))
        answer = await deferToThread(self.ask, port, "gcc", "-I.", "-c", "relative.c")
        self.assertIn(b"/relative.c.lzo", answer)
        (self.work / "done").touch()
        await self.succeeds(build)

    async def test_told_to_end(self) -> None:
        """SIGTERM is the build's, and its status counts."""
        build, port = await self.held("trap 'exit 9' TERM;")
        build.signal(signal.SIGTERM)
        self.assertEqual(await build.ended(), 9)
        self.assertFalse(port.parent.exists())

    async def test_ctrl_c(self) -> None:
        """What the terminal sends to all is left to the build, whose status counts."""
        build, port = await self.held("trap 'exit 8' INT;")
        os.killpg(build.pid, signal.SIGINT)
        self.assertEqual(await build.ended(), 8)
        self.assertFalse(port.parent.exists())

    async def test_ignored_signals(self) -> None:
        """The build ignores what we were started to ignore, and nothing else."""
        shown = ("sed", "-n", r"s/^SigIgn:\s*//p", "/proc/self/status")
        pump = f"exec {installed_command('twisted-distcc')} pump {shlex.join(shown)}"
        # In the background of a script, say, these tests are started to ignore some themselves.
        always = sum(
            1 << (number - 1)
            for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
            if signal.getsignal(number) == signal.SIG_IGN
        )
        hang_up = always | 1 << (signal.SIGHUP - 1)
        for script, ignored in ((pump, always), (f"trap '' HUP; {pump}", hang_up)):
            build = self.start("sh", "-c", script, environ=self.environ, directory=self.work)
            await self.succeeds(build)
            self.assertEqual(int(build.stdout, 16) & _NAMED_SIGNALS, ignored)

    async def test_job_server(self) -> None:
        """Descriptors that a make hands on reach the build."""
        (self.work / "outer").write_text(
            "all:\n\t+twisted-distcc pump $(MAKE) -f outer inner\ninner: a b\na b:\n\t@echo through\n"
        )
        path = f"{installed_command('twisted-distcc').parent}:{os.environ['PATH']}"
        environ = self.environ | {"PATH": path}
        outer = self.start("make", "-j2", "-f", "outer", environ=environ, directory=self.work)
        await self.succeeds(outer)
        self.assertEqual(outer.stdout.count(b"through\n"), 2)
        self.assertNotIn("jobserver", outer.stderr)

    async def test_hints(self) -> None:
        """Hosts that would get preprocessed text are named; so is their absence."""
        for hosts, said in (
            ("red,lzo,cpp", ""),
            ("red,lzo green,cpp,lzo localhost/2", "what it sends to red,lzo: write ,lzo,cpp after"),
            ("localhost", "distcc has no hosts"),
        ):
            build = self.pump("true", DISTCC_HOSTS=hosts)
            await self.succeeds(build)
            self.assertIn(said, build.stderr)
            self.assertEqual(bool(build.stderr), bool(said))

    async def test_discrepancies(self) -> None:
        """When distcc has given remote preprocessing up, that is said at the end."""
        build = self.pump("sh", "-c", 'printf @@ >"${INCLUDE_SERVER_PORT%/*}/discrepancy_counter"')
        await self.succeeds(build)
        self.assertIn("2 failed on a server and not here", build.stderr)

    def question(self, *argv: str) -> bytes:
        directory = os.fsencode(self.work)
        return encode_header(b"CDIR", len(directory)) + directory + pack_answer(argv)

    def ask(self, port: Path, *argv: str) -> bytes:
        return self.send(port, self.question(*argv))

    def send(self, port: Path, data: bytes) -> bytes:
        """Send bytes to the socket, and give all that comes back."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(30)
            client.connect(str(port))
            client.sendall(data)
            return b"".join(iter(lambda: client.recv(65536), b""))
