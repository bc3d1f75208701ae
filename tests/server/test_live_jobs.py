"""A real server with real and made-up compilers: what it runs, what it logs, what it leaves behind."""

from __future__ import annotations

import os
import random
import shutil
import signal
from pathlib import Path

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import ConnectError
from twisted.trial.unittest import SkipTest

from tests.live import LiveServer, LiveTestCase, is_running, open_to_all, until
from tests.server.talk import SOURCE, Answer, Client, answer_of, ask, connect, request_bytes
from twisted_distcc.errors import (
    EXIT_ACCESS_DENIED,
    EXIT_BAD_ARGUMENTS,
    EXIT_COMPILER_MISSING,
    EXIT_PROTOCOL_ERROR,
    EXIT_TIMEOUT,
)

MIB = 1024 * 1024
LOGROTATE = Path(__file__).parents[2] / "doc" / "logrotate" / "twisted-distccd"
# Stands for gcc: tells that it runs, starts a child of its own, and waits for a file to appear.
HANGS = """#!/bin/sh
sleep 1000 &
echo "$$ $!" > "$0.pids.new" && mv "$0.pids.new" "$0.pids"
until [ -e "$0.go" ]; do sleep 0.05; done
kill $!
echo object > output.o
"""


class CompilerTestCase(LiveTestCase):
    """Servers whose search path begins with a folder of the test's own compilers."""

    def setUp(self) -> None:
        self.bin = self.place("bin")
        self.bin.mkdir(parents=True)
        open_to_all(self.bin)

    def compiler(self, script: str, name: str = "gcc") -> Path:
        path = self.bin / name
        path.write_text(script)
        path.chmod(0o755)
        return path

    @property
    def only_ours(self) -> dict[str, str]:
        return {"DISTCCD_PATH": f"{self.bin}:/usr/bin:/bin"}


class WhichCompilerTests(CompilerTestCase):
    async def test_names_and_paths(self) -> None:
        """A bare name, and the path of the very file, run; another file of that name does not."""
        self.compiler("#!/bin/sh\nexit 1\n")
        server = await self.serve(environ={"DISTCCD_PATH": "/usr/bin:/bin"})
        for name in ("gcc", "/usr/bin/gcc", os.path.realpath("/usr/bin/gcc")):
            answer = await ask(server.port, (name, "-c", "x.c"))
            self.assertEqual((answer.exit_code, answer.stderr), (0, ""), name)
        answer = await ask(server.port, (str(self.bin / "gcc"), "-c", "x.c"))
        self.assertEqual(answer.exit_code, EXIT_COMPILER_MISSING)
        self.assertIn("this server's gcc is /usr/bin/gcc", answer.stderr)

    async def test_masquerade_links_are_passed_over(self) -> None:
        """A folder of links to distcc in front of PATH does not send jobs in circles."""
        for wrapper, name in (("distcc", "gcc"), ("ccache", "g++")):
            program = self.compiler("#!/bin/sh\necho in circles >&2; exit 9\n", wrapper)
            (self.bin / name).symlink_to(program)
        server = await self.serve(environ={"PATH": f"{self.bin}:/usr/bin:/bin"})
        for name in ("gcc", "g++"):
            answer = await ask(server.port, (name, "-c", "x.c"))
            self.assertEqual((answer.exit_code, answer.stderr), (0, ""))

    async def test_refusals_are_answered(self) -> None:
        """Each refusal reaches the client as a sentence, and the log as a job that was refused."""
        server = await self.serve()
        for command, exit_code, part in (
            (("rm", "-c", "x.c"), EXIT_COMPILER_MISSING, "rm is not a compiler"),
            (("clang-99", "-c", "x.c"), EXIT_COMPILER_MISSING, "this server has no clang-99"),
            (("gcc", "-E", "x.c"), EXIT_BAD_ARGUMENTS, "-E"),
            (("gcc", "x.c"), EXIT_BAD_ARGUMENTS, ""),
            (("gcc", "-wrapper", "sh,-c,id", "-c", "x.c"), EXIT_BAD_ARGUMENTS, "-wrapper"),
            (("gcc", "-c", b"x\0.c"), EXIT_BAD_ARGUMENTS, "NUL"),
        ):
            answer = await ask(server.port, command)
            self.assertEqual(answer.exit_code, exit_code)
            self.assertRegex(answer.stderr, rf"^the server refuses this job: .*{part}.*\n$")
        await until(lambda: len(server.jobs) == 6, "six lines")
        self.assertEqual([" verdict=refused " in job for job in server.jobs], [True] * 6)

    async def test_command_list(self) -> None:
        """With a list only its commands run, by as many last words as it says."""
        self.compiler("#!/bin/sh\necho listed >&2; exit 7\n", "mycc")
        commands = self.place("list")
        commands.parent.mkdir()
        commands.write_text(f"# ours\n{self.bin}/mycc\n")
        environ = {"DISTCC_CMDLIST": str(commands), "DISTCC_CMDLIST_NUMWORDS": "2"}
        server = await self.serve(environ=environ)
        for name, part in (
            ("bin/mycc", "listed"),
            ("mycc", "not on this"),
            ("/usr/bin/gcc", "not on this"),
        ):
            self.assertIn(part, (await ask(server.port, (name, "-c", "x.c"))).stderr)

    async def test_compiler_root(self) -> None:
        """With a root, names and absolute paths mean files below it."""
        folder = self.bin / "usr/bin"
        folder.mkdir(parents=True)
        self.compiler("#!/bin/sh\necho below >&2; exit 7\n").rename(folder / "gcc")
        server = await self.serve(f"--compiler-root={self.bin}", environ={"PATH": "/usr/bin"})
        for name in ("gcc", "/usr/bin/gcc"):
            answer = await ask(server.port, (name, "-c", "x.c"))
            self.assertEqual((answer.exit_code, answer.stderr), (7, "below\n"))

    async def test_sysroot(self) -> None:
        """distccd's --sysroot is about specs files, which are refused, and not about compilers."""
        compiler = self.compiler("#!/bin/sh\necho here >&2; exit 7\n")
        server = await self.serve("--sysroot=/missing", environ=self.only_ours)
        answer = await ask(server.port, (str(compiler), "-c", "x.c"))
        self.assertEqual((answer.exit_code, answer.stderr), (7, "here\n"))
        answer = await ask(server.port, (str(compiler), "-specs=x", "-c", "x.c"))
        self.assertIn("rules of the compiler driver", answer.stderr)

    async def test_enable_tcp_insecure(self) -> None:
        """Only with this option a program that is no compiler's runs, by any path."""
        other = str(self.compiler("#!/bin/sh\necho anything >&2; exit 7\n", "other"))
        server = await self.serve("--enable-tcp-insecure")
        self.assertEqual((await ask(server.port, (other, "-c", "x.c"))).stderr, "anything\n")

    async def test_what_a_compiler_gets_to_see(self) -> None:
        """It sees nothing of the server's environment, and no descriptor of the server's."""
        self.compiler("#!/bin/sh\nenv; ls -l /proc/$$/fd; exit 1\n")
        server = await self.serve(environ={**self.only_ours, "SECRET": "of the server"})
        said = (await ask(server.port)).stdout.decode()
        self.assertNotIn("SECRET", said)
        self.assertIn(f"PATH={self.bin}:", said)
        self.assertRegex(said, r"\nLC_ALL=C")
        for ours in ("socket:", "anon_inode:", "/log", "/lock"):
            self.assertNotIn(ours, said)


class LogTests(CompilerTestCase):
    async def test_one_line_for_each_job(self) -> None:
        """Jobs that ran, failed and were refused leave a line each, and nothing else does."""
        server = await self.serve()
        await ask(server.port)
        await ask(server.port, source=b"this is not C\n", version=2)
        await ask(server.port, ("rm",))
        await until(lambda: len(server.jobs) == 3, "three lines")
        done, failed, refused = server.jobs
        numbers = r"received=\d+ sent=\d+ waited=\d+\.\d{4} ran=\d+\.\d{4} cpu=\d+\.\d{4}"
        self.assertRegex(
            done,
            r"^job peer=tcp:127\.0\.0\.1:\d+ verdict=done version=1 inputs=text compiler=\S+/gcc"
            r" source=hello\.c"
            rf" status=0 {numbers}$",
        )
        self.assertRegex(failed, r"verdict=done version=2 .* status=1 received=14 sent=0 .*$")
        self.assertRegex(
            refused, r'verdict=refused version=1 inputs=text compiler=rm .* reason="rm is not'
        )

    async def test_nothing_that_a_client_sends_begins_a_line(self) -> None:
        """Names and broken protocol with line ends in them stay in the line where they belong."""
        server = await self.serve()
        forged = "\n2026-01-01T00:00:00+0000 [info] job peer=evil verdict=done"
        await ask(server.port, (f"gcc{forged}", "-c", "x.c"))
        await ask(server.port, ("gcc", "-c", f"x{forged}.c"))
        await ask(server.port, ("gcc", f"-f{forged}", "-c", "x.c"))
        client = await connect(server.port)
        client.send(request_bytes().partition(b"DOTI")[0] + b"\n[x] job peer=evil\n\n\n")
        await server.logged("broke the protocol")
        client.abort()
        await client.closed
        self.assertEqual(len(server.jobs), 3)
        for line in server.log.splitlines():
            self.assertRegex(line, r"^(\t|\d{4}-\d\d-\d\dT\S+ \[(debug|info|warn|error)\] )")
            self.assertNotRegex(line, r"^\S+ \[info\] job peer=evil")

    async def test_rotation(self) -> None:
        """On SIGHUP the log goes on in a new file of the old name."""
        server = await self.serve()
        old = server.folder / "log.1"
        (server.folder / "log").rename(old)
        port = int(old.read_text().rpartition(" port ")[2].split()[0])
        server.signal(signal.SIGHUP)
        await until((server.folder / "log").exists, "the log is opened anew")
        await ask(port)
        await server.logged("job peer=")
        self.assertNotIn("job peer=", old.read_text())

    async def test_logrotate(self) -> None:
        """logrotate, by the file of the documentation, loses no line, and finds nothing wrong."""
        if (logrotate := shutil.which("logrotate", path="/usr/sbin:/usr/bin")) is None:
            raise SkipTest("logrotate is missing (Debian: logrotate)")
        server = await self.serve("--pid-file=pid")
        folder = self.place()
        folder.mkdir()
        text = LOGROTATE.read_text().replace("/var/log/distccd.log", str(server.folder / "log"))
        text = text.replace("/run/twisted-distccd.pid", str(server.folder / "pid"))
        (folder / "conf").write_text(text.replace("/run/systemd/system", "/nonexistent"))
        port = server.port
        server.folder.chmod(0o755)
        state = f"--state={folder}/state"
        child = await self.run_to_end(logrotate, "--force", "--verbose", state, str(folder / "conf"))
        self.assertEqual(await child.ended(), 0, child.stderr)
        self.assertNotIn("error", child.stderr)
        await until((server.folder / "log.1").exists, "the log is rotated")
        while not server.jobs:
            await ask(port)
        self.assertIn(" port ", (server.folder / "log.1").read_text())

    async def test_levels(self) -> None:
        """--log-level leaves out what is less severe: a job that is done is, one refused is not."""
        server = await self.serve()
        port = server.port
        quiet = self.start_server(
            "twistd", "--nodaemon", "--pidfile=", "distccd", "--allow=127.0.0.1", "--listen=127.0.0.1",
            "--port=0", "--log-level=error", "--log-file=log", "--pid-file=pid",
        )  # fmt: skip
        await until((quiet.folder / "pid").exists, "the quiet server has started")
        await ask(port)
        await server.logged("job peer=")
        self.assertEqual(quiet.log, "")


class LosingTests(CompilerTestCase):
    """Clients and servers that go in the middle of a job, with a compiler that does not end."""

    async def hanging(self, *options: str) -> tuple[LiveServer, Client, list[int]]:
        """Start a server and a job that hangs; give the processes of the compiler."""
        self.gcc = self.compiler(HANGS)
        server = await self.serve(*options, environ=self.only_ours)
        client = await connect(server.port)
        client.send(request_bytes())
        return server, client, await self.pids()

    async def pids(self) -> list[int]:
        path = Path(f"{self.gcc}.pids")
        await until(path.exists, "the compiler runs")
        return [int(pid) for pid in path.read_text().split()]

    async def gone(self, pids: list[int]) -> None:
        await until(lambda: not any(map(is_running, pids)), f"{pids} are gone")

    async def test_a_client_that_is_killed(self) -> None:
        """The compiler and what it started go at once, and the server serves on."""
        server, client, pids = await self.hanging("--jobs=1")
        client.abort()
        await client.closed
        await self.gone(pids)
        await server.logged("verdict=cancelled")
        await until(lambda: not list(server.temporary.glob("*/*/*")), "the job's files are gone")
        self.compiler("#!/bin/sh\nexit 7\n")
        self.assertEqual((await ask(server.port)).exit_code, 7)
        self.assertNotIn("Traceback", server.log)

    async def test_a_client_that_is_killed_in_its_request(self) -> None:
        """Half a request leaves no file behind."""
        server = await self.serve()
        client = await connect(server.port)
        client.send(request_bytes(source=bytes(MIB))[: MIB // 2])
        spooled = "*/spool/*"
        await until(lambda: list(server.temporary.glob(spooled)), "the request is spooled")
        client.abort()
        await client.closed
        await until(lambda: not list(server.temporary.glob(spooled)), "the spool is empty")

    async def test_a_job_that_lives_too_long(self) -> None:
        """--job-lifetime ends the compiler with all it started, and says so to the client."""
        _, client, pids = await self.hanging("--job-lifetime=1")
        answer = answer_of(await client.closed)
        self.assertEqual(answer.exit_code, EXIT_TIMEOUT)
        self.assertIn("1 seconds, the most that this server allows", answer.stderr)
        await self.gone(pids)

    async def test_an_administrator_ends_the_server(self) -> None:
        """SIGTERM lets the running job come to its end, takes no new one, and leaves nothing."""
        server, client, pids = await self.hanging()
        half = await connect(server.port)
        half.send(request_bytes()[:10])
        port = server.port
        server.signal(signal.SIGTERM)
        self.assertEqual(await half.closed, b"")
        with self.assertRaises(ConnectError):
            await connect(port)
        self.assertFalse(server.has_ended())
        Path(f"{self.gcc}.go").touch()
        self.assertEqual(answer_of(await client.closed).object_file, b"object\n")
        self.assertEqual(await server.ended(), -signal.SIGTERM)
        self.assertEqual(list(server.temporary.iterdir()), [])
        await self.gone(pids)

    async def test_a_server_that_is_killed(self) -> None:
        """Its jobs end with it; what it leaves is swept by the next one, and nothing of the living."""
        server, client, pids = await self.hanging()
        await server.kill()
        self.assertEqual(await client.closed, b"")
        await self.gone(pids)
        (left,) = server.temporary.iterdir()
        living = await self.serve(environ={"TMPDIR": str(server.temporary)})
        self.assertFalse(left.exists())
        await self.serve(environ={"TMPDIR": str(server.temporary)})
        self.assertEqual(len(list(server.temporary.iterdir())), 2)
        self.assertEqual((await ask(living.port)).exit_code, 0)


class LoadTests(CompilerTestCase):
    async def test_many_idle_connections(self) -> None:
        """Five hundred clients that say nothing do not keep an honest one from being served."""
        server = await self.serve()
        idle = await gatherResults([_connected(server.port) for _ in range(500)])
        answer = await ask(server.port)
        self.assertEqual(answer.exit_code, 0)
        for client in idle:
            client.abort()
        await gatherResults([client.closed for client in idle])

    async def test_many_jobs_at_once(self) -> None:
        """Forty jobs on two seats are all served, each with its own answer."""
        self.compiler("#!/bin/sh\ncat source.i > output.o\n")
        server = await self.serve("--jobs=2", environ=self.only_ours)
        answers = await gatherResults([_asked(server.port, number) for number in range(40)])
        self.assertEqual([answer.object_file for answer in answers], [b"%d\n" % n for n in range(40)])
        self.assertEqual(len(server.jobs), 40)

    async def test_memory_is_bounded(self) -> None:
        """Sources and objects of a hundred megabytes go by disk: the server hardly grows."""
        self.compiler("#!/bin/sh\ncat source.i > output.o\n")
        server = await self.serve(environ=self.only_ours)
        await ask(server.port)
        before = _resident(server.pid)
        source = random.Random(7).randbytes(MIB) * 100
        answer = await ask(server.port, source=source)
        self.assertTrue(answer.object_file == source)
        self.assertLess(_most_resident(server.pid) - before, 24 * MIB)

    async def test_memory_is_bounded_for_compressed_bodies(self) -> None:
        """What is compressed or expanded at length is so in another process."""
        self.compiler("#!/bin/sh\ncat source.i > output.o\n")
        server = await self.serve(environ=self.only_ours)
        await ask(server.port, version=2)
        before = _resident(server.pid)
        source = random.Random(7).randbytes(5 * MIB) + bytes(50 * MIB)
        answer = await ask(server.port, source=source, version=2)
        self.assertTrue(answer.object_file == source)
        self.assertLess(_most_resident(server.pid) - before, 24 * MIB)

    async def test_a_source_over_the_ceiling(self) -> None:
        """A client that announces too much is told so before it sends it, and no memory is taken."""
        server = await self.serve()
        client = await connect(server.port)
        client.send(request_bytes().partition(b"DOTI")[0] + b"DOTIffffffff" + SOURCE)
        answer = answer_of(await until(lambda: _whole(client), "the server answers"))
        self.assertEqual(answer.exit_code, EXIT_PROTOCOL_ERROR)
        client.abort()
        await client.closed


class RefusedAddressTests(LiveTestCase):
    async def test_an_address_that_is_not_allowed(self) -> None:
        """It may send all of a large request, and then reads the sentence."""
        server = self.start_server(
            "twistd", "--nodaemon", "--pidfile=", "distccd", "--allow=192.0.2.0/24",
            "--listen=127.0.0.1", "--port=0", "--log-file=log",
        )  # fmt: skip
        await server.ready()
        answer = await ask(server.port, source=bytes(4 * MIB))
        self.assertEqual(answer.exit_code, EXIT_ACCESS_DENIED)
        self.assertEqual(
            answer.stderr, "this server does not serve 127.0.0.1: its administrator can --allow it\n"
        )
        await server.logged("127.0.0.1:.* may not connect")
        self.assertEqual(server.jobs, [])


def _whole(client: Client) -> bytes:
    """Give what came so far, once the last token of a reply without an object is there."""
    return bytes(client.received) if client.received.endswith(b"DOTO00000000") else b""


def _connected(port: int) -> Deferred[Client]:
    return Deferred.fromCoroutine(connect(port))


def _asked(port: int, number: int) -> Deferred[Answer]:
    return Deferred.fromCoroutine(ask(port, source=b"%d\n" % number))


def _resident(pid: int) -> int:
    return _status(pid, "VmRSS:")


def _most_resident(pid: int) -> int:
    return _status(pid, "VmHWM:")


def _status(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"{pid} has no {field}")
