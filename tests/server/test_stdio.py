"""One connection on standard streams: pipes as ssh gives them, a socket as inetd does."""

from __future__ import annotations

import os
import signal
import socket

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import Clock
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.live import Child, LiveTestCase, is_running, until
from tests.server.connection import ScriptedCompile, at_once, no_process
from tests.server.talk import answer_of, request_bytes
from twisted_distcc.errors import EXIT_ACCESS_DENIED, EXIT_COMPILER_MISSING
from twisted_distcc.messages.body import Body
from twisted_distcc.messages.bulk import Bulk
from twisted_distcc.messages.model import Reply
from twisted_distcc.server.protocol import DistccServerFactory
from twisted_distcc.server.stdio import Streams

MIB = 1024 * 1024
OURS = ("twistd-stdio",)
DISTCCD_S = ("tdistccd", "--inetd")


class StreamTestCase(LiveTestCase):
    async def finished(self, child: Child) -> None:
        """Wait for an end in order, with no temporary file left."""
        self.assertEqual((await child.ended(), child.stderr), (0, ""))
        self.assertEqual(list(child.temporary.iterdir()), [])


class PipeTests(StreamTestCase):
    """A pipe for each direction, as ssh gives them; what is answered goes to a file of the test's."""

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

    async def test_a_job(self) -> None:
        """A request on the one pipe is answered on the other, by both commands, in both versions."""
        for command in (OURS, DISTCCD_S):
            for version in (1, 2):
                streams = self.piped(*command)
                reply = await self.ask(*streams, request_bytes(version=version))
                self.assertEqual(answer_of(reply, version).object_file[:4], b"\x7fELF")

    async def test_large_bodies(self) -> None:
        """Bodies that fill a pipe many times over go through in both directions."""
        folder = self.place()
        folder.mkdir(parents=True)
        gcc = folder / "gcc"
        gcc.write_text("#!/bin/sh\ncat source.i > output.o\n")
        gcc.chmod(0o755)
        streams = self.piped(*OURS, DISTCCD_PATH=f"{folder}:/bin")
        source = os.urandom(MIB) * 8
        reply = await self.ask(*streams, request_bytes(source=source))
        self.assertTrue(answer_of(reply).object_file == source)

    async def test_a_refusal(self) -> None:
        """A refusal is answered here as on TCP."""
        reply = await self.ask(*self.piped(*OURS), request_bytes(("rm", "-c", "x.c")))
        self.assertEqual(answer_of(reply).exit_code, EXIT_COMPILER_MISSING)

    async def hanging(self) -> tuple[Child, int, int, int]:
        """Start a server and a job that hangs; give them, our ends, and the compiler's number."""
        folder = self.place()
        folder.mkdir(parents=True)
        gcc = folder / "gcc"
        gcc.write_text('#!/bin/sh\necho $$ > "$0.new"; mv "$0.new" "$0.pid"; exec sleep 1000\n')
        gcc.chmod(0o755)
        child, to, answers = self.piped(*OURS, DISTCCD_PATH=f"{folder}:/bin")
        await deferToThread(_write_all, to, request_bytes())
        await until((folder / "gcc.pid").exists, "the compiler runs")
        return child, to, answers, int((folder / "gcc.pid").read_text())

    async def test_a_client_that_goes(self) -> None:
        """When both pipes are closed the compiler goes, and the server, and its folder."""
        child, to, answers, pid = await self.hanging()
        os.close(to)
        os.close(answers)
        await self.finished(child)
        self.assertFalse(is_running(pid))

    async def test_a_server_that_is_told_to_end(self) -> None:
        """On SIGTERM, as a super-server or an administrator sends it, nothing is left either."""
        child, to, answers, pid = await self.hanging()
        child.signal(signal.SIGTERM)
        await child.ended()
        os.close(to)
        os.close(answers)
        self.assertEqual(list(child.temporary.iterdir()), [])
        await until(lambda: not is_running(pid), "the compiler is gone")

    async def test_many_at_the_same_moment(self) -> None:
        """Servers that start together, as ssh starts them in a build, do not hinder each other."""
        shared = self.place()
        shared.mkdir(parents=True)
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


class StreamsTests(TestCase):
    """A client on two real pipes that misbehaves, with a clock for its deadlines."""

    timeout = 30

    def setUp(self) -> None:
        self.clock, self.compile = Clock(), ScriptedCompile()
        bulk = Bulk(no_process, at_once, self.mktemp())
        self.factory = DistccServerFactory(self.compile, self.clock, bulk)
        theirs_in, self.to = os.pipe()
        self.answers, theirs_out = os.pipe()
        Streams(self.factory.buildProtocol(None), reactor, theirs_in, theirs_out)
        self.drained = self.factory.drained()
        self.open = {self.to, self.answers, theirs_in, theirs_out}
        self.addCleanup(self.close, *self.open)

    def close(self, *descriptors: int) -> None:
        """Close those of the descriptors that are still open."""
        for descriptor in self.open.intersection(descriptors):
            self.open.remove(descriptor)
            os.close(descriptor)

    async def test_a_client_that_closes_one_pipe(self) -> None:
        """Whoever will not read the answer is gone, though the other pipe is open."""
        os.write(self.to, request_bytes())
        await until(lambda: self.compile.asked, "the job begins")
        self.close(self.answers)
        await self.drained
        self.assertEqual(len(self.compile.cancelled), 1)

    async def test_a_client_that_does_not_take_its_reply(self) -> None:
        """A reply that fills the pipe is given up at its deadline, and the connection with it."""
        os.write(self.to, request_bytes())
        await until(lambda: self.compile.answers, "the job begins")
        self.compile.answers[0].callback(Reply(0, object_file=Body.of(bytes(MIB))))
        self.assertNoResult(self.drained)
        self.clock.advance(self.factory.deadlines.send)
        await self.drained

    async def test_a_client_that_breaks_the_protocol_and_stays(self) -> None:
        """It is answered, and may go on sending for a while; then it is over."""
        good, _, _ = request_bytes().partition(b"DOTI")
        os.write(self.to, good + b"ZERO00000000")
        reply = await deferToThread(os.read, self.answers, MIB)
        self.assertIn("ZERO", answer_of(reply).stderr)
        os.write(self.to, b"more")
        self.assertNoResult(self.drained)
        self.clock.advance(10)
        await self.drained


class SocketTests(StreamTestCase):
    """One socket for both directions, as a super-server gives it."""

    async def over_tcp(self, *command: str) -> tuple[bytes, Child]:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            client = socket.create_connection(listening.getsockname(), timeout=30)
            server, _ = listening.accept()
        return await self.over(client, server, *command)

    async def over(
        self, client: socket.socket, server: socket.socket, *command: str
    ) -> tuple[bytes, Child]:
        """Start a server on one end, send a request on the other, and give what it answers."""
        with client, server:
            child = self.start(*command, stdin=server.fileno(), stdout=server.fileno())
            server.close()
            client.sendall(request_bytes())
            reply = await deferToThread(_receive_all, client)
        await self.finished(child)
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
        reply, _ = await self.over(*socket.socketpair(), *OURS)
        self.assertEqual(answer_of(reply).exit_code, 0)


def _write_all(descriptor: int, data: bytes) -> None:
    with open(descriptor, "wb", closefd=False) as file:
        file.write(data)


def _read_all(descriptor: int) -> bytes:
    with open(descriptor, "rb", closefd=False) as file:
        return file.read()


def _receive_all(connection: socket.socket) -> bytes:
    with connection.makefile("rb") as file:
        return file.read()
