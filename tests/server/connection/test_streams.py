"""A server that is held by its one client: how long it waits, for whom, and what it tells the log."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from unittest.mock import patch

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.live import is_running
from tests.server.talk import answer_of, request_bytes, tree_bytes
from twisted_distcc.content.body import Body
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.jobs.plain_trees import unpack_tree
from twisted_distcc.launcher.command import CannotStartError, Command
from twisted_distcc.policy.peer import STDIO, Peer
from twisted_distcc.policy.verdict import ALLOWED, Refused, Verdict
from twisted_distcc.server.connection.blocking import HeldPacking, done
from twisted_distcc.server.connection.conversation import Conversation
from twisted_distcc.server.connection.stdio import Visit
from twisted_distcc.server.connection.streams import GoneError, LateError, Streams, ToldToEndError
from twisted_distcc.server.quotas.deadlines import Deadlines
from twisted_distcc.server.quotas.holdings import Hold, Holdings
from twisted_distcc.wire.limits import Limits

MIB = 1024 * 1024
FAR = Deadlines(idle=1000, receive=1000, send=1000)
HANGING = ("/bin/sh", "-c", "echo $$ >&3; exec sleep 1000")


class Log:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, format: str, **values: object) -> None:
        self.lines.append(format.format(**values))

    warn = error = failure = info


class StreamsTestCase(TestCase):
    """A client on two pipes, and one of the server's own for being told to end."""

    timeout = 60

    def setUp(self) -> None:
        self.open: set[int] = set()
        self.theirs_in, self.to = self.pipe()
        self.answers, self.theirs_out = self.pipe()
        self.told, self.tell = self.pipe()
        self.streams = Streams(self.theirs_in, self.theirs_out, self.told)
        self.addCleanup(self.close)

    def pipe(self) -> tuple[int, int]:
        """Make a pipe that is closed after the test."""
        ends = os.pipe()
        self.open.update(ends)
        return ends

    def close(self, *ends: int) -> None:
        """Close these ends, or all that are open."""
        for end in ends or tuple(self.open):
            self.open.remove(end)
            os.close(end)


class ProgramTests(StreamsTestCase):
    async def hanging(self) -> tuple[Deferred[object], int]:
        """Run a program that hangs, in a thread; give what becomes of it, and its number."""
        number, told = self.pipe()
        command = Command(HANGING, beside=(told,))
        running = deferToThread(self.streams.run, command, None)
        return running, int(await deferToThread(os.read, number, 100))

    def test_how_it_ended(self) -> None:
        """Its wait status is what the caller gets."""
        ended = self.streams.run(Command(("/bin/sh", "-c", "exit 3")), None)
        self.assertEqual(os.waitstatus_to_exitcode(ended.status), 3)

    def test_a_program_that_is_none(self) -> None:
        """What cannot be started is said to be so."""
        self.assertRaises(CannotStartError, self.streams.run, Command(("/no/such/program",)), None)

    def test_a_program_that_takes_too_long(self) -> None:
        """It is killed when its time is over, though the client is there."""
        self.assertRaises(TimeoutError, self.streams.run, Command(("/bin/sleep", "1000")), 0.01)

    def test_what_the_watch_raises(self) -> None:
        """It ends the program, though the client is there and sends what nobody asked for."""
        looks = iter((1, 1))
        os.write(self.to, b"x")
        command = Command(("/bin/sleep", "1000"), watch=lambda: next(looks))
        self.assertRaises(StopIteration, self.streams.run, command, 1000)

    async def test_a_client_that_reads_no_more(self) -> None:
        """A client that will not read the answer takes the program with it."""
        running, pid = await self.hanging()
        self.close(self.answers)
        await self.assertFailure(running, GoneError)
        self.assertFalse(is_running(pid))

    async def test_a_client_that_sends_no_more(self) -> None:
        """So does one that has closed its sending end."""
        running, pid = await self.hanging()
        self.close(self.to)
        await self.assertFailure(running, GoneError)
        self.assertFalse(is_running(pid))

    async def test_being_told_to_end(self) -> None:
        """So does whoever tells us to end."""
        running, pid = await self.hanging()
        os.write(self.tell, b"x")
        await self.assertFailure(running, ToldToEndError)
        self.assertFalse(is_running(pid))

    async def test_descriptors(self) -> None:
        """No descriptor is left open by a program, however it ends."""
        before = len(os.listdir("/proc/self/fd"))
        self.streams.run(Command(("/bin/true",)), None)
        self.assertRaises(TimeoutError, self.streams.run, Command(("/bin/sleep", "1000")), 0)
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)


class WaitingTests(StreamsTestCase):
    def test_nothing_comes(self) -> None:
        """A client that sends nothing is late."""
        self.assertRaises(LateError, self.streams.read, 0)

    def test_nothing_is_taken(self) -> None:
        """So is one that does not take what it is sent; a full pipe holds nobody."""
        self.assertRaises(LateError, self.streams.write, bytes(MIB), 0)

    def test_a_socket_that_is_full(self) -> None:
        """Nor does a socket, though it blocks."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            streams = Streams(theirs.fileno(), theirs.fileno(), self.told)
            self.assertRaises(LateError, streams.write, bytes(64 * MIB), 0)
            self.assertTrue(theirs.getblocking())

    def test_a_reader_that_went(self) -> None:
        """What nobody will read is not written."""
        self.close(self.answers)
        self.assertRaises(GoneError, self.streams.write, b"x", 0)

    def test_half_closed(self) -> None:
        """A client reads to the end, and goes on writing."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            streams = Streams(theirs.fileno(), theirs.fileno(), self.told)
            streams.half_close()
            self.assertEqual(ours.recv(10), b"")
            ours.sendall(b"x")
            self.assertEqual(streams.read(0), b"x")


class VisitTests(StreamsTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.spool = self.mktemp()
        os.mkdir(self.spool)
        self.log = Log()
        self.reply = Reply(0)
        self.asked: list[tuple[Request, Peer]] = []

    async def compile(self, request: Request, peer: Peer) -> Reply:
        self.asked.append((request, peer))
        return self.reply

    def visit(self, deadlines: Deadlines = FAR, verdict: Verdict = ALLOWED) -> None:
        conversation = Conversation(
            STDIO,
            Hold(Holdings(), STDIO.identity),
            compile=self.compile,
            packing=HeldPacking(self.streams, self.spool),
            limits=Limits(),
            log=self.log,
            cancelled=GoneError,
        )
        Visit(self.streams, STDIO, conversation, deadlines, self.log).serve(verdict)
        self.assertEqual(os.listdir(self.spool), [])

    def answer(self) -> bytes:
        """Give what was answered, all of which is in the pipe."""
        self.close(self.theirs_out)
        with open(self.answers, "rb", closefd=False) as file:
            return file.read()

    def test_a_job(self) -> None:
        """A request is answered by what serves it."""
        os.write(self.to, request_bytes())
        self.visit()
        self.assertEqual(answer_of(self.answer()).exit_code, 0)
        self.assertEqual((len(self.asked), self.log.lines), (1, []))

    def test_a_job_with_files(self) -> None:
        """A request with a tree is answered as well, and so is one whose files are not to be kept."""
        files = {b"/p/%d.h" % number: os.urandom(200) for number in range(150)}
        request = tree_bytes(files, links={b"/p/l": b"0.h"}, directory=b"/p")
        self.reply = Reply(0, object_file=Body.of(b"object"), dependencies=Body.of(b"a.o: a.c"))
        got: list[Mapping[bytes, bytes]] = []

        async def compile(request: Request, peer: Peer) -> Reply:
            assert request.tree is not None
            got.append({file.name: data for file, data in unpack_tree(request.tree, MIB)})
            return self.reply

        os.write(self.to, request)
        with patch.object(self, "compile", compile):
            self.visit()
        answer = answer_of(self.answer(), version=3)
        self.assertEqual((answer.object_file, answer.dependencies), (b"object", b"a.o: a.c"))
        self.assertEqual((got, self.log.lines), ([files], []))

    def test_files_of_a_client_that_is_refused(self) -> None:
        """Nothing is kept of them, and the client reads why."""
        os.write(self.to, tree_bytes({b"/p/a.c": os.urandom(30_000)}))
        self.close(self.to)
        self.visit(verdict=Refused(("not today",), 113))
        self.assertEqual(answer_of(self.answer(), version=3).stderr, "not today\n")

    def test_a_client_that_is_refused(self) -> None:
        """It may say what it wants, and reads why it does not get it."""
        os.write(self.to, request_bytes())
        self.close(self.to)
        self.visit(verdict=Refused(("not today",), 113))
        self.assertEqual(answer_of(self.answer()).stderr, "not today\n")
        self.assertEqual((self.asked, self.log.lines), ([], ["stdio may not connect: not today"]))

    def test_a_client_that_stops_sending(self) -> None:
        """A request that does not go on is given up."""
        self.late(Deadlines(idle=0.01, receive=1000, send=1000), request_bytes()[:-1])

    def test_a_client_that_sends_too_slowly(self) -> None:
        """So is one that goes on, but not to its end in time."""
        self.late(Deadlines(idle=1000, receive=0.01, send=1000), request_bytes()[:-1])

    def test_a_client_that_does_not_take_its_reply(self) -> None:
        """So is a reply that nobody takes."""
        self.reply = Reply(0, object_file=Body.of(bytes(MIB)))
        self.late(Deadlines(idle=1000, receive=1000, send=0.01), request_bytes())

    def late(self, deadlines: Deadlines, request: bytes) -> None:
        os.write(self.to, request)
        self.visit(deadlines)
        self.assertEqual(self.log.lines, ["stdio took too long, its connection is closed"])

    def test_a_client_that_breaks_the_protocol_and_stays(self) -> None:
        """Its answer ends, and so does our patience."""
        good, _, _ = request_bytes().partition(b"DOTI")
        os.write(self.to, good + b"ZERO00000000")
        with patch("twisted_distcc.server.connection.stdio.LINGER", 0.01):
            self.visit()
        self.assertIn("ZERO", answer_of(self.answer()).stderr)
        broke, late = self.log.lines
        self.assertIn("broke the protocol", broke)
        self.assertIn("took too long", late)

    def test_a_disk_that_is_full(self) -> None:
        """A request without room is answered."""
        os.write(self.to, request_bytes())
        self.close(self.to)
        with patch("twisted_distcc.content.body.Spool.write", side_effect=OSError(28, "full")):
            self.visit()
        self.assertIn("the server cannot do this job: full", answer_of(self.answer()).stderr)
        self.assertEqual(self.asked, [])

    def test_a_fault_of_ours(self) -> None:
        """An exception that nobody expects is a sentence for the client, and a failure in the log."""
        os.write(self.to, request_bytes())
        with patch.object(self, "compile", side_effect=ZeroDivisionError):
            self.visit()
        self.assertIn("its log says why", answer_of(self.answer()).stderr)
        self.assertEqual(self.log.lines, ["a job of stdio failed here"])

    def test_being_told_to_end(self) -> None:
        """Who is told to end says so to the caller, and leaves nothing."""
        os.write(self.tell, b"x")
        self.assertRaises(ToldToEndError, self.visit)


class DoneTests(TestCase):
    def test_a_story_that_waits(self) -> None:
        """A coroutine that waits for a reactor is a mistake of ours, and told at once."""

        async def story() -> None:
            await Deferred()

        self.assertRaises(AssertionError, done, story())
