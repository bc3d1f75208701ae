"""The farm in memory: a real client and a real server, and all that can happen between them."""

from __future__ import annotations

import os
import random
from ipaddress import ip_address

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.error import DNSLookupError
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.framework import (
    AllowList,
    BadReplyError,
    Body,
    CannotConnectError,
    Deadlines,
    DistccClient,
    DistccError,
    HostError,
    LostConnectionError,
    Peer,
    RemoteProtocolError,
    Reply,
    Request,
    SlowHostError,
    pack_tree,
)
from twisted_distcc.testing import (
    Garbage,
    HangUp,
    Job,
    MemoryFarm,
    ScriptedCompile,
    Slow,
    Stall,
)

ARGUMENTS = (b"gcc", b"-c", b"a.c", b"-o", b"a.o")
SOURCE = b"int a;\n"
REQUEST = Request(ARGUMENTS, Body.of(SOURCE))
REPLY = Reply(0, Body.of(b"a warning\n"), Body.of(b"output\n"), Body.of(b"object"))


def content(reply: Reply) -> tuple[int, bytes, bytes, bytes]:
    """Give all that `reply` says, and give it up."""
    stderr, stdout, object_file, _ = (body.read() for body in reply.bodies)
    reply.discard()
    return reply.status, stderr, stdout, object_file


class FarmTestCase(SynchronousTestCase):
    """A farm for each test, whose server has a script and a folder."""

    def farm(self, *answers: Reply | Exception | Deferred[Reply]) -> MemoryFarm:
        self.script = ScriptedCompile(*answers)
        self.folder = self.mktemp()
        os.mkdir(self.folder)
        return MemoryFarm(self.script, directory=self.folder)

    def assert_nothing_left(self, farm: MemoryFarm) -> None:
        """Nothing waits, no connection is open, no body lies about."""
        self.successResultOf(farm.server.drained())
        self.assertEqual(farm.clock.getDelayedCalls(), [])
        self.assertEqual(os.listdir(self.folder), [])


class ServingTests(FarmTestCase):
    """Jobs that go well."""

    def test_each_version(self) -> None:
        """A request reaches the compile function whole, and its reply the client, in both versions."""
        for version in (1, 2):
            farm = self.farm(REPLY)
            reply = self.successResultOf(farm.compile(Request(ARGUMENTS, Body.of(SOURCE), version)))
            self.assertEqual(content(reply), content(REPLY))
            peer = Peer("tcp:192.0.2.1", ip_address("192.0.2.1"), 40000)
            self.assertEqual(self.script.jobs, [Job(ARGUMENTS, SOURCE, version, peer)])
            self.assert_nothing_left(farm)

    def test_a_tree(self) -> None:
        """A job with files reaches the compile function with all of them, as the client has them."""
        files = {
            b"/p/a.c": b"int a;\n",
            b"/p/\xff.h": b"",
            b"/p/b.h": random.Random(3).randbytes(300_000),
        }
        tree = pack_tree(b"/p", files, {b"/q": b"p/../p"})
        reply = Reply(
            0, Body.of(b"said"), object_file=Body.of(b"object"), dependencies=Body.of(b"a.o: a.c")
        )
        farm = self.farm(reply)
        got = self.successResultOf(farm.compile(Request(ARGUMENTS, version=3, tree=tree)))
        self.assertEqual(content(got), content(reply))
        self.assertEqual(got.dependencies.read(), b"a.o: a.c")
        peer = Peer("tcp:192.0.2.1", ip_address("192.0.2.1"), 40000)
        job = Job(ARGUMENTS, b"", 3, peer, files, {b"/q": b"p/../p"}, b"/p")
        self.assertEqual(self.script.jobs, [job])
        self.assert_nothing_left(farm)

    def test_a_tree_that_does_not_compile(self) -> None:
        """Without an object there is no dependency file, whatever the compile function says."""
        farm = self.farm(Reply(256, Body.of(b"error"), dependencies=Body.of(b"a.o: a.c")))
        tree = pack_tree(b"/p", {b"/p/a.c": b"int a\n"})
        got = self.successResultOf(farm.compile(Request(ARGUMENTS, version=3, tree=tree)))
        self.assertEqual((content(got), got.dependencies.length), ((256, b"error", b"", b""), 0))
        self.assert_nothing_left(farm)

    def test_a_tree_in_a_chain(self) -> None:
        """Whoever passes a job with files on has nothing to know of them."""
        far = self.farm(Reply(0, object_file=Body.of(b"object"), dependencies=Body.of(b"a.o: a.c")))
        near = MemoryFarm(
            lambda request, _: far.client.compile(request), far.clock, directory=self.folder
        )
        files = {b"/p/%d.h" % number: b"int a%d;\n" % number * number for number in range(300)}
        files[b"/p/large.h"] = random.Random(5).randbytes(200_000)
        tree = pack_tree(b"/p", files, {b"/p/l": b"0.h"})
        got = self.successResultOf(near.compile(Request(ARGUMENTS, version=3, tree=tree)))
        self.assertEqual((got.object_file.read(), got.dependencies.read()), (b"object", b"a.o: a.c"))
        (job,) = self.script.jobs
        self.assertEqual((job.files, job.links, job.directory), (files, {b"/p/l": b"0.h"}, b"/p"))
        self.successResultOf(near.server.drained())
        self.assert_nothing_left(far)

    def test_large_bodies(self) -> None:
        """Bodies that are sent in many pieces, and lie on disk, arrive whole."""
        body = random.Random(1).randbytes(300_000)
        for version in (1, 2):
            farm = self.farm(Reply(0, object_file=Body.of(body[::-1])))
            reply = self.successResultOf(farm.compile(Request(ARGUMENTS, Body.of(body), version)))
            self.assertEqual(self.script.jobs[0].source, body)
            self.assertEqual(content(reply), (0, b"", b"", body[::-1]))
            self.assert_nothing_left(farm)

    def test_bodies_for_the_filter(self) -> None:
        """Compressed bodies of many megabytes, which have a program of their own, need none here."""
        text = random.Random(2).randbytes(5_000_000)
        farm = self.farm(Reply(0))
        path = os.path.join(self.folder, "source")
        with open(path, "wb") as file:
            file.write(text)
        source = Body.adopt(path)
        self.successResultOf(farm.compile(Request(ARGUMENTS, source, 2)))
        source.discard()
        self.assertTrue(self.script.jobs[0].source == text)
        self.assert_nothing_left(farm)

    def test_what_the_filter_refuses(self) -> None:
        """A body of many megabytes that is not LZO1X is refused in place, as the program refuses it."""
        farm = self.farm()
        path = os.path.join(self.folder, "body")
        with open(path, "wb") as file:
            file.write(b"\xff" * 5_000_000)
        body = Body.adopt(path)
        expanding = Deferred.fromCoroutine(farm.bulk.expand(body, 10_000_000))
        self.failureResultOf(expanding, RemoteProtocolError)
        body.discard()
        self.assert_nothing_left(farm)

    def test_script_in_order(self) -> None:
        """Answers are given in their order, one for each job."""
        farm = self.farm(Reply(256), Reply(0))
        statuses = [self.successResultOf(farm.compile(REQUEST)).status for _ in range(2)]
        self.assertEqual(statuses, [256, 0])

    def test_later(self) -> None:
        """A Deferred in the script is waited for."""
        later: Deferred[Reply] = Deferred()
        farm = self.farm(later)
        answer = farm.compile(REQUEST)
        self.assertNoResult(answer)
        later.callback(REPLY)
        farm.clock.advance(0)
        self.assertEqual(content(self.successResultOf(answer)), content(REPLY))
        self.assert_nothing_left(farm)

    def test_raised(self) -> None:
        """An error in the script is raised, and reaches the client as a sentence."""
        farm = self.farm(DistccError("no compiler today"))
        reply = self.successResultOf(farm.compile(REQUEST))
        self.assertEqual((reply.exit_code, reply.stderr.read()), (100, b"no compiler today\n"))

    def test_end_of_script(self) -> None:
        """A job without an answer fails the test by an error in the log."""
        farm = self.farm()
        reply = self.successResultOf(farm.compile(REQUEST))
        self.assertEqual(reply.exit_code, 100)
        (logged,) = self.flushLoggedErrors(AssertionError)
        self.assertIn("no answer for job 1", str(logged.value))

    def test_cancelled(self) -> None:
        """Cancelling on the client cancels the job on the server."""
        cancelled: list[Deferred[Reply]] = []
        farm = self.farm(Deferred(cancelled.append))
        answer = farm.compile(REQUEST)
        self.assertEqual(cancelled, [])
        answer.cancel()
        farm.clock.advance(0)
        self.failureResultOf(answer, CancelledError)
        self.assertEqual(len(cancelled), 1)
        self.assert_nothing_left(farm)

    def test_chain(self) -> None:
        """Two farms with one clock make a chain."""
        far = self.farm(REPLY)

        async def pass_on(request: Request, peer: Peer) -> Reply:
            return await far.client.compile(request)

        near = MemoryFarm(pass_on, far.clock, directory=self.folder)
        reply = self.successResultOf(near.compile(REQUEST))
        self.assertEqual(content(reply), content(REPLY))
        self.successResultOf(near.server.drained())
        self.assert_nothing_left(far)


class SettingsTests(FarmTestCase):
    """The server's settings may be changed."""

    def test_admit(self) -> None:
        """A peer that is not let in gets the reason, and no job is begun."""
        farm = self.farm()
        farm.server.admit = AllowList.parse(["198.51.100.0/24"]).judge
        reply = self.successResultOf(farm.compile(REQUEST))
        self.assertEqual(reply.exit_code, 113)
        self.assertIn(b"does not serve 192.0.2.1", reply.stderr.read())
        self.assertEqual(self.script.jobs, [])

    def test_idle(self) -> None:
        """A client that stalls in its request is given up when the server's patience ends."""
        farm = self.farm()
        farm.server.deadlines = Deadlines(idle=5.0)
        farm.endpoint.on_request = Stall(30)
        answer = farm.compile(REQUEST)
        farm.clock.advance(4.9)
        self.assertNoResult(answer)
        farm.clock.advance(0.1)
        self.failureResultOf(answer, LostConnectionError)
        self.assert_nothing_left(farm)


class FaultTests(FarmTestCase):
    """What the client makes of a server that fails."""

    def test_unreachable(self) -> None:
        """A server that refuses connections cannot be reached."""
        farm = self.farm()
        farm.endpoint.reachable = False
        self.failureResultOf(farm.compile(REQUEST), CannotConnectError)
        self.assert_nothing_left(farm)

    def test_which_server(self) -> None:
        """The text of an error is a sentence that names the server, be its name known or not."""
        for words, name in (({"server": "red:3632"}, "red:3632"), ({}, "the server")):
            farm = self.farm()
            farm.endpoint.on_request = HangUp(20)
            client = DistccClient(farm.endpoint, farm.clock, farm.bulk, **words)
            asked = client.compile(REQUEST)
            farm.clock.advance(0)
            error = self.failureResultOf(asked, HostError).value
            self.assertRegex(str(error), f"^{name} hung up without an answer")
            self.assertEqual(str(error), f"{error.server} {error.fault}")

    def test_unknown_name(self) -> None:
        """A server whose name means nothing cannot be reached; that is no fault of the disk here."""
        farm = self.farm()
        farm.endpoint.connect = lambda factory: fail(DNSLookupError("no results for red"))
        self.failureResultOf(farm.compile(REQUEST), CannotConnectError)
        self.assert_nothing_left(farm)

    def test_hang_up_anywhere(self) -> None:
        """A reply that ends early is a lost connection, wherever it ends."""
        length = self._length_of_reply()
        self.assertGreater(length, 60)
        for after in range(length):
            farm = self.farm(REPLY)
            farm.endpoint.on_reply = HangUp(after)
            self.failureResultOf(farm.compile(REQUEST), LostConnectionError)
            self.assert_nothing_left(farm)
        farm = self.farm(REPLY)
        farm.endpoint.on_reply = HangUp(length)
        self.successResultOf(farm.compile(REQUEST))

    def _length_of_reply(self) -> int:
        """Of `REPLY` in version 1: five tokens of 12 bytes, and the bodies."""
        return 5 * 12 + sum(body.length for body in REPLY.bodies)

    def test_garbage(self) -> None:
        """What is no reply is a bad one."""
        for after in (0, 12, 30):
            farm = self.farm(REPLY)
            farm.endpoint.on_reply = Garbage(b"\0" * 40, after)
            self.failureResultOf(farm.compile(REQUEST), BadReplyError)
            self.assert_nothing_left(farm)

    def test_stall(self) -> None:
        """A reply that stalls is waited for as long as the client waits for any."""
        farm = self.farm(REPLY)
        farm.endpoint.on_reply = Stall(20)
        answer = farm.compile(REQUEST)
        farm.clock.advance(299.9)
        self.assertNoResult(answer)
        farm.clock.advance(0.1)
        self.failureResultOf(answer, SlowHostError)
        self.assert_nothing_left(farm)

    def test_slow(self) -> None:
        """A slow reply arrives, in its time."""
        farm = self.farm(REPLY)
        farm.endpoint.on_reply = Slow(1.0, piece=10)
        answer = farm.compile(REQUEST)
        pieces = -(-self._length_of_reply() // 10)
        farm.clock.advance(pieces - 0.5)
        self.assertNoResult(answer)
        farm.clock.advance(0.5)
        self.assertEqual(content(self.successResultOf(answer)), content(REPLY))
        self.assert_nothing_left(farm)

    def test_client_hangs_up(self) -> None:
        """A client that hangs up in its request leaves nothing on the server, and begins no job."""
        farm = self.farm()
        farm.endpoint.on_request = HangUp(30)
        self.failureResultOf(farm.compile(REQUEST), LostConnectionError)
        self.assertEqual(self.script.jobs, [])
        self.assert_nothing_left(farm)

    def test_garbage_request(self) -> None:
        """A server answers what breaks the protocol midway with a sentence."""
        farm = self.farm()
        farm.endpoint.on_request = Garbage(b"GARBAGE!" * 5, after=12)
        reply = self.successResultOf(farm.compile(REQUEST))
        self.assertEqual(reply.exit_code, 109)
        self.assertEqual(self.script.jobs, [])
        self.assert_nothing_left(farm)
