"""One connection on standard streams: pipes as ssh gives them, a socket as inetd does."""

from __future__ import annotations

import getpass
import os
import random
import signal
import socket
import subprocess
import sys
from pathlib import Path

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread

from tests.content.test_lzo import burst
from tests.live import Child, LiveTestCase, is_running, open_to_all, until
from tests.server.talk import answer_of, request_bytes, tree_bytes
from twisted_distcc.cli.installed import installed_command
from twisted_distcc.content.body import Body
from twisted_distcc.errors import (
    EXIT_ACCESS_DENIED,
    EXIT_BAD_ARGUMENTS,
    EXIT_COMPILER_MISSING,
    EXIT_PROTOCOL_ERROR,
    EXIT_TIMEOUT,
)
from twisted_distcc.jobs.assembly import request_pieces
from twisted_distcc.jobs.model import Request
from twisted_distcc.launcher.signals import STRAY
from twisted_distcc.wire.connection import Connection

MIB = 1024 * 1024
# From the moment that root would be given away, no module is to be had.
CLOSED_LATER = """\
import sys
from twisted_distcc.cli import twistd_stdio

class Closed:
    def find_spec(self, name, path=None, target=None):
        raise ImportError(f"{{name}} is loaded too late")

twistd_stdio.give_root_away = lambda account: sys.meta_path.insert(0, Closed())
twistd_stdio.main(["{option}", "--log-file=log"])
"""
# Compilers of the tests' own tell where they are by files, which a sandbox would not let them write.
OURS = ("twistd-stdio", "--sandbox=off")
CONFINED = ("twistd-stdio", "--sandbox=require")
DISTCCD_S = ("tdistccd", "--inetd")


class StreamTestCase(LiveTestCase):
    async def finished(self, child: Child) -> None:
        """Wait for an end in order, with no temporary file left."""
        self.assertEqual((await child.ended(), child.stderr), (0, ""))
        self.assertEqual(list(child.temporary.iterdir()), [])


class PipeTestCase(StreamTestCase):
    """A pipe for each direction, as ssh gives them."""

    def piped(self, *command: str, **environ: str) -> tuple[Child, int, int]:
        """Start a server on pipes; give it, our writing end and our reading end."""
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        child = self.start(*command, environ=environ, stdin=theirs_in, stdout=theirs_out)
        os.close(theirs_in)
        os.close(theirs_out)
        return child, ours_out, ours_in

    async def ask(self, child: Child, to: int, answers: int, request: bytes) -> bytes:
        """Send a request, read until the end, and close; in threads, for pipes block."""
        sent = deferToThread(_write_all, to, request)
        received = await deferToThread(_read_all, answers)
        await sent
        os.close(to)
        os.close(answers)
        await self.finished(child)
        return received

    def gcc(self, script: str) -> Path:
        """Make a compiler of the test's own; give its path."""
        path = self.place("gcc")
        path.parent.mkdir(parents=True)
        open_to_all(path.parent)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path


class PipeTests(PipeTestCase):
    async def test_a_job(self) -> None:
        """A request on the one pipe is answered on the other, by both commands, in both versions."""
        for command in (OURS, CONFINED, DISTCCD_S):
            for version in (1, 2):
                streams = self.piped(*command)
                reply = await self.ask(*streams, request_bytes(version=version))
                self.assertEqual(answer_of(reply, version).object_file[:4], b"\x7fELF")

    async def test_a_job_with_files(self) -> None:
        """Files in place of a source are preprocessed and compiled, by both commands."""
        files = {b"/project/hello.c": b'#include "a.h"\nint b = A;\n', b"/project/a.h": b"#define A 1\n"}
        for command in (OURS, CONFINED, DISTCCD_S):
            reply = await self.ask(*self.piped(*command), tree_bytes(files))
            answer = answer_of(reply, version=3)
            self.assertEqual((answer.exit_code, answer.stderr), (0, ""))
            self.assertEqual(answer.object_file[:4], b"\x7fELF")

    async def test_large_bodies(self) -> None:
        """Bodies that fill a pipe many times over go through in both directions."""
        copying = self.gcc("cat source.i > output.o")
        streams = self.piped(*OURS, DISTCCD_PATH=f"{copying.parent}:/bin")
        source = os.urandom(MIB) * 8
        reply = await self.ask(*streams, request_bytes(source=source))
        self.assertTrue(answer_of(reply).object_file == source)

    async def test_a_refusal(self) -> None:
        """A refusal is answered here as on TCP."""
        reply = await self.ask(*self.piped(*OURS), request_bytes(("rm", "-c", "x.c")))
        self.assertEqual(answer_of(reply).exit_code, EXIT_COMPILER_MISSING)

    async def test_large_bodies_compressed(self) -> None:
        """So they do compressed: what is too large to trust is expanded by a program of its own."""
        source = random.Random(7).randbytes(5 * MIB)
        copying = self.gcc("cat source.i > output.o")
        streams = self.piped(*OURS, DISTCCD_PATH=f"{copying.parent}:/bin")
        reply = await self.ask(*streams, request_bytes(source=source, version=2))
        self.assertTrue(answer_of(reply, 2).object_file == source)

    async def test_a_body_that_bursts(self) -> None:
        """A body of some megabytes that would become a gigabyte is refused in a sentence."""
        request = Request((b"gcc", b"-c", b"x.c"), Body.of(burst(5 * MIB)), 2)
        pieces = request_pieces(Connection.client().writer, request)
        reply = await self.ask(*self.piped(*OURS), b"".join(pieces))
        answer = answer_of(reply, 2)
        self.assertEqual(answer.exit_code, EXIT_PROTOCOL_ERROR)
        self.assertIn("does not expand to at most", answer.stderr)

    async def hanging(self, *options: str) -> tuple[Child, int, int, int]:
        """Start a server and a job that hangs; give them, our ends, and the compiler's number."""
        gcc = self.gcc('echo $$ > "$0.new"; mv "$0.new" "$0.pid"; exec sleep 1000')
        child, to, answers = self.piped(*OURS, *options, DISTCCD_PATH=f"{gcc.parent}:/bin")
        await deferToThread(_write_all, to, request_bytes())
        pid = gcc.with_name("gcc.pid")
        await until(pid.exists, "the compiler runs")
        return child, to, answers, int(pid.read_text())

    async def over(self, child: Child, *ends: int) -> None:
        """Close our ends, and wait for the server's end in order."""
        for end in ends:
            os.close(end)
        await self.finished(child)

    async def test_a_client_that_goes(self) -> None:
        """When a pipe is closed, either or both, the compiler goes, and the server, and its folder."""
        for closed, left in (((0,), (1,)), ((1,), (0,)), ((0, 1), ())):
            child, *ends, pid = await self.hanging("--log-file=log")
            await self.over(child, *(ends[number] for number in closed))
            self.assertFalse(is_running(pid))
            self.assertIn("verdict=cancelled", (child.folder / "log").read_text())
            for number in left:
                os.close(ends[number])

    async def test_a_client_that_says_more_than_it_should(self) -> None:
        """What comes after a request belongs to nobody, and ends no job."""
        child, to, answers, pid = await self.hanging()
        await deferToThread(_write_all, to, bytes(MIB))
        self.assertTrue(is_running(pid))
        os.kill(pid, signal.SIGKILL)
        reply = await deferToThread(_read_all, answers)
        self.assertEqual(answer_of(reply).exit_code, 128 + signal.SIGKILL)
        await self.over(child, to, answers)

    async def test_a_compiler_that_runs_too_long(self) -> None:
        """It is killed, and the client is told why."""
        child, to, answers, pid = await self.hanging("--job-lifetime=1")
        answer = answer_of(await deferToThread(_read_all, answers))
        self.assertEqual(answer.exit_code, EXIT_TIMEOUT)
        self.assertIn("the compiler ran for 1 seconds", answer.stderr)
        self.assertFalse(is_running(pid))
        await self.over(child, to, answers)

    async def test_what_a_compiler_leaves_running(self) -> None:
        """A process that a compiler started does not outlive the job."""
        gcc = self.gcc('sleep 1000 & echo $! > "$0.pid"; echo object > output.o')
        streams = self.piped(*OURS, DISTCCD_PATH=f"{gcc.parent}:/bin")
        reply = await self.ask(*streams, request_bytes())
        self.assertEqual(answer_of(reply).object_file, b"object\n")
        pid = int(gcc.with_name("gcc.pid").read_text())
        await until(lambda: not is_running(pid), "the process is gone")

    async def test_a_client_that_breaks_the_protocol_and_stays(self) -> None:
        """It reads to the end of its answer, though it has more to say itself."""
        child, to, answers = self.piped(*OURS)
        good, _, _ = request_bytes().partition(b"DOTI")
        await deferToThread(_write_all, to, good + b"ZERO00000000")
        reply = await deferToThread(_read_all, answers)
        self.assertIn("ZERO", answer_of(reply).stderr)
        await deferToThread(_write_all, to, b"more")
        await self.over(child, to, answers)

    async def test_a_client_that_speaks_another_language(self) -> None:
        """It gets no answer, not even one that says so."""
        child, to, answers = self.piped(*OURS, "--log-file=log")
        await deferToThread(_write_all, to, b"GET / HTTP/1.0\r\n\r\n")
        self.assertEqual(await deferToThread(_read_all, answers), b"")
        self.assertIn("[warn] stdio broke the protocol", (child.folder / "log").read_text())
        await self.over(child, to, answers)

    async def test_the_mode_of_the_pipes(self) -> None:
        """Pipes are shared with whoever opened them, and stay as they were opened."""
        theirs_in, to = os.pipe()
        answers, theirs_out = os.pipe()
        child = self.start(*OURS, stdin=theirs_in, stdout=theirs_out)
        os.write(to, request_bytes())
        reply = await deferToThread(os.read, answers, MIB)
        self.assertTrue(reply.startswith(b"DONE"))
        self.assertEqual([os.get_blocking(pipe) for pipe in (theirs_in, theirs_out)], [True, True])
        await self.over(child, theirs_in, to, answers, theirs_out)

    async def test_a_server_that_is_told_to_end(self) -> None:
        """On SIGTERM, as a super-server or an administrator sends it, nothing is left either.

        What means nothing to it does not end it.
        """
        child, to, answers, pid = await self.hanging()
        for number in STRAY:
            child.signal(number)
        self.assertTrue(is_running(pid))
        child.signal(signal.SIGTERM)
        self.assertEqual(await child.ended(), -signal.SIGTERM)
        os.close(to)
        os.close(answers)
        self.assertEqual(list(child.temporary.iterdir()), [])
        await until(lambda: not is_running(pid), "the compiler is gone")

    async def test_many_at_the_same_moment(self) -> None:
        """Servers that start together, as ssh starts them in a build, do not hinder each other."""
        shared = self.place()
        shared.mkdir(parents=True)
        open_to_all(shared)
        streams = [self.piped(*OURS, TMPDIR=str(shared)) for _ in range(6)]
        asked = [Deferred.fromCoroutine(self.ask(*stream, request_bytes())) for stream in streams]
        for reply in await gatherResults(asked):
            self.assertEqual(answer_of(reply).exit_code, 0)
        self.assertEqual(list(shared.iterdir()), [])

    async def test_a_client_that_goes_before_it_asks(self) -> None:
        """A connection without a request ends without a word."""
        child, to, answers = self.piped(*OURS)
        os.close(to)
        self.assertEqual(await deferToThread(_read_all, answers), b"")
        os.close(answers)
        await self.finished(child)

    async def test_bad_options(self) -> None:
        """A wrong network, or a command list that is none, is a sentence and a failure."""
        for options, environ, part in (
            (("--allow=lo",), {}, "--allow lo"),
            ((), {"DISTCC_CMDLIST": "/no/such/list"}, "/no/such/list"),
            (("--log-file=/no/such/log",), {}, "/no/such/log"),
        ):
            child = await self.run_to_end(*OURS, *options, environ=environ)
            self.assertNotEqual(await child.ended(), 0)
            self.assertEqual(len(child.stderr.splitlines()), 1)
            self.assertIn(part, child.stderr)


class RootTests(PipeTestCase):
    if os.geteuid():
        skip = "only root has root to give away"

    async def test_nothing_is_loaded_later(self) -> None:
        """Whoever has given root away may read nothing of ours any more, and need not."""
        folder = self.place()
        folder.mkdir(parents=True)
        for option in ("--sandbox=require", "--sandbox=off"):
            script = folder / "script.py"
            script.write_text(CLOSED_LATER.format(option=option))
            for version, request in (
                (1, request_bytes(("gcc", "-c", "a b.c"))),
                (1, request_bytes(("twisted-distccd", "about", "gcc"))),
                (3, tree_bytes({b"/project/hello.c": b"int a;\n"})),
            ):
                streams = self.piped(sys.executable, str(script))
                answer = answer_of(await self.ask(*streams, request), version)
                self.assertEqual((answer.exit_code, answer.stderr), (0, ""))


class SocketTests(StreamTestCase):
    """One socket for both directions, as a super-server gives it."""

    async def over_tcp(self, *command: str) -> tuple[bytes, Child]:
        reply, child = await self.over(*_tcp_pair(), *command)
        await self.finished(child)
        return reply, child

    async def over(
        self, client: socket.socket, server: socket.socket, *command: str
    ) -> tuple[bytes, Child]:
        """Start a server on one end, send a request on the other, and give what it answers."""
        with client, server:
            child = self.start(*command, stdin=server.fileno(), stdout=server.fileno())
            server.close()
            client.sendall(request_bytes())
            reply = await deferToThread(_receive_all, client)
        return reply, child

    async def test_inetd(self) -> None:
        """An allowed address is served; C distccd's own `--inetd`, or a socket alone, says it is one."""
        for command in (OURS, DISTCCD_S, ("tdistccd",)):
            reply, child = await self.over_tcp(*command, "--allow=127.0.0.1", "--log-file=log")
            self.assertEqual(answer_of(reply).exit_code, 0)
            log = (child.folder / "log").read_text()
            self.assertRegex(log, r"job peer=tcp:127\.0\.0\.1:\d+ verdict=done")

    async def test_an_address_that_is_not_allowed(self) -> None:
        """Behind a super-server addresses count as on TCP."""
        for options in ((), ("--allow=192.0.2.1",)):
            reply, _ = await self.over_tcp(*OURS, *options)
            self.assertEqual(answer_of(reply).exit_code, EXIT_ACCESS_DENIED)

    async def test_a_pair_of_unix_sockets(self) -> None:
        """Some ssh servers give a pair of sockets: whoever is there was let in already."""
        reply, child = await self.over(*socket.socketpair(), *OURS, "--log-file=log")
        await self.finished(child)
        self.assertEqual(answer_of(reply).exit_code, 0)
        self.assertIn(f"peer=uid:{os.getuid()} ", (child.folder / "log").read_text())

    async def test_an_identity_over_tcp(self) -> None:
        """Whoever comes over TCP is an address: a name that nobody vouches for is refused there."""
        client, server = _tcp_pair()
        with client, server:
            child = self.start(*OURS, "--identity=alice", stdin=server.fileno(), stdout=server.fileno())
            server.close()
            self.assertEqual(await deferToThread(_receive_all, client), b"")
        self.assertEqual(await child.ended(), EXIT_BAD_ARGUMENTS)
        self.assertIn("--identity is for ssh", child.stderr)

    async def test_words_for_people(self) -> None:
        """Where a super-server makes the socket standard error too, no word of ours gets into it."""
        for option, is_good in (("--allow=lo", False), ("--no-such", False), ("--verbose", True)):
            client, server = socket.socketpair()
            with client, server:
                command = [str(installed_command("twistd-stdio")), option]
                child = subprocess.Popen(command, stdin=server, stdout=server, stderr=server)
                server.close()
                client.shutdown(socket.SHUT_WR)
                said = await deferToThread(_receive_all, client)
            self.assertEqual((said, child.wait() == 0), (b"", is_good))


class SshSessionTests(PipeTestCase):
    """What sshd tells of a session, without an sshd."""

    async def peer(self, *options: str, **environ: str) -> str:
        """Give the peer that the log names."""
        child, to, answers = self.piped(*OURS, *options, "--log-file=log", **environ)
        await self.ask(child, to, answers, request_bytes())
        job = (child.folder / "log").read_text()
        return job.partition(" peer=")[2].partition(" ")[0]

    async def test_an_account(self) -> None:
        """A session of ssh is its account's."""
        peer = await self.peer(SSH_CONNECTION="192.0.2.9 4000 192.0.2.1 22")
        self.assertEqual(peer, f"ssh:{getpass.getuser()}")

    async def test_a_forced_command(self) -> None:
        """Keys of one account are told apart by what their forced commands say."""
        peer = await self.peer("--identity=alice", SSH_CONNECTION="2001:db8::9 4000 2001:db8::1 22")
        self.assertEqual(peer, "ssh:alice")

    async def test_nobody_said(self) -> None:
        """Without ssh it is whoever started us."""
        self.assertEqual(await self.peer(), "stdio")


def _tcp_pair() -> tuple[socket.socket, socket.socket]:
    """Give both ends of a connection over loopback, the client's first."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname(), timeout=30)
        return client, listening.accept()[0]


def _write_all(descriptor: int, data: bytes) -> None:
    with open(descriptor, "wb", closefd=False) as file:
        file.write(data)


def _read_all(descriptor: int) -> bytes:
    with open(descriptor, "rb", closefd=False) as file:
        return file.read()


def _receive_all(connection: socket.socket) -> bytes:
    with connection.makefile("rb") as file:
        return file.read()
