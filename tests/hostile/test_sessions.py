"""Clients of sessions that mean harm, each beside one that does not."""

from __future__ import annotations

import os
from hashlib import sha256

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.server.in_memory import ScriptedCompile, Transport, at_once, no_process
from twisted_distcc.content import tree_walk
from twisted_distcc.content.body import Body
from twisted_distcc.content.directories import Directory, encode
from twisted_distcc.content.zstd import compress
from twisted_distcc.jobs.model import Reply
from twisted_distcc.jobs.session_messages import Blob, SessionJob, job_pieces, upload_pieces
from twisted_distcc.policy.access import everyone
from twisted_distcc.runtime.bulk import Bulk
from twisted_distcc.server.connection.server_protocol import DistccServerFactory, DistccServerProtocol
from twisted_distcc.server.quotas.holdings import Ceilings
from twisted_distcc.server.scheduling.admission import Admission
from twisted_distcc.wire.connection import Writer
from twisted_distcc.wire.greeting import Terms, client_greeting
from twisted_distcc.wire.limits import Limits
from twisted_distcc.wire.session_frames import DATA, STOP, frame
from twisted_distcc.wire.session_grammar import BLBQ, JOBQ, JOBS, UPLOADS

NOTHING = sha256(b"").digest()
HELLO = client_greeting(Terms(name="eve"))


def data(stream: int, message: bytes) -> bytes:
    """Return frames of a message on a stream."""
    pieces = [message[at : at + 60_000] for at in range(0, len(message), 60_000)]
    return b"".join(frame(DATA, stream, rest=piece) for piece in pieces)


def job(
    inputs: bytes = NOTHING, *, has_tree: bool = False, words: tuple[bytes, ...] = (b"gcc",)
) -> bytes:
    """Return the message of a job."""
    return b"".join(
        job_pieces(Writer(JOBQ, JOBS, Limits()), SessionJob(b"/", words, b"", inputs, has_tree))
    )


def upload(*blobs: bytes, is_packed: bool = False) -> bytes:
    """Return the message of an upload."""
    made = [Blob(Body.of(blob), is_packed) for blob in blobs]
    return b"".join(upload_pieces(Writer(BLBQ, UPLOADS, Limits()), len(made), made))


def digest(blob: bytes) -> bytes:
    return sha256(blob).digest()


class SessionFloodTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.spool = self.mktemp()
        os.mkdir(self.spool)
        self.clock = Clock()
        self.compile = ScriptedCompile()
        self.admission = Admission(jobs=2, queue=6, ceilings=Ceilings(stored=8_000_000))
        self.factory = DistccServerFactory(
            self.compile,
            self.clock,
            Bulk(no_process, at_once, self.spool),
            admit=everyone,
            admission=self.admission,
            limits=Limits(expanded=50_000_000),
        )

    def connect(self, host: str = "192.0.2.66") -> tuple[DistccServerProtocol, Transport]:
        protocol = self.factory.buildProtocol(None)
        assert isinstance(protocol, DistccServerProtocol)
        transport = Transport(peerAddress=IPv4Address("TCP", host, 4000))
        protocol.makeConnection(transport)
        self.say(protocol, HELLO)
        return protocol, transport

    def say(self, protocol: DistccServerProtocol, words: bytes) -> None:
        protocol.dataReceived(words)
        while any(call.getTime() <= self.clock.seconds() for call in self.clock.getDelayedCalls()):
            self.clock.advance(0)

    def left(self) -> list[str]:
        """Return the files in the spool."""
        return [name for _, _, names in os.walk(self.spool) for name in names]

    def taken(self) -> tuple[int, int]:
        """Return how much is held for Eve: words, and bytes on the disk."""
        holdings = self.admission.holdings
        return holdings.words.taken("tcp:192.0.2.66"), holdings.stored.taken("tcp:192.0.2.66")

    def assert_ada_is_served(self) -> None:
        """Another client's job begins, and is answered."""
        protocol, transport = self.connect("192.0.2.9")
        self.say(protocol, data(1, job()))
        mine = max(n for n, (_, peer) in enumerate(self.compile.asked) if "192.0.2.9" in str(peer))
        self.compile.answers[mine].callback(Reply(0, object_file=Body.of(b"object")))
        self.assertIn(b"object", transport.value())


class TreeTests(SessionFloodTestCase):
    def refused(self, *blobs: bytes) -> bytes:
        """Send a job whose root is the last of these blobs, and return what the server says to it."""
        protocol, transport = self.connect()
        self.say(protocol, data(1, upload(*blobs)))
        transport.clear()
        self.say(protocol, data(2, job(digest(blobs[-1]), has_tree=True)))
        self.assertEqual(self.compile.asked, [])
        self.assertIn(b"STOP", transport.value())
        self.assertFalse(transport.aborting)
        self.assert_ada_is_served()
        return transport.value()

    def test_not_a_folder(self) -> None:
        """A root that is no folder is refused."""
        self.refused(b"\xff\xff")

    def test_a_tree_of_millions(self) -> None:
        """Folders that name one other folder twice each are counted as often as they are named."""
        blobs = [encode(Directory(files=[(b"a.h", NOTHING, 0)]))]
        for _ in range(40):
            child = (digest(blobs[-1]), len(blobs[-1]))
            blobs.append(encode(Directory(folders=[(b"a", *child), (b"b", *child)])))
        self.refused(*blobs)

    def test_a_deep_tree(self) -> None:
        """A tree of thousands of folders in folders is refused."""
        blobs = [encode(Directory())]
        for _ in range(1000):
            blobs.append(encode(Directory(folders=[(b"a", digest(blobs[-1]), len(blobs[-1]))])))
        self.refused(*blobs)

    def test_folders_one_by_one(self) -> None:
        """Each folder is read once, however many uploads come before the last one."""
        leaf = encode(Directory(files=[(b"a.h", NOTHING, 0)]))
        chain = [leaf]
        for number in range(30):
            below = (b"d", digest(chain[-1]), len(chain[-1]))
            chain.append(encode(Directory(folders=[below], links=[(b"l", b"%d" % number)])))
        read: list[bytes] = []
        decode = tree_walk.decode_parts
        self.patch(
            tree_walk, "decode_parts", lambda data, most: (read.append(data), decode(data, most))[1]
        )
        protocol, _ = self.connect()
        self.say(protocol, data(1, job(digest(chain[-1]), has_tree=True)))
        for stream, blob in enumerate(reversed(chain), 2):
            self.say(protocol, data(2 * stream, upload(b"%d" % stream)))
            self.say(protocol, data(2 * stream + 1, upload(blob)))
        self.assertEqual(len(self.compile.asked), 1)
        self.assertEqual(read, chain[::-1])
        self.assert_ada_is_served()

    def test_many_large_trees(self) -> None:
        """The names in trees are held in memory, so they count, whether they were read before or not."""
        large = encode(Directory(files=[(b"%05d" % n, NOTHING, 0) for n in range(5000)]))
        inside = (b"d", digest(large), len(large))
        roots = [encode(Directory(folders=[inside], links=[(b"l", b"%d" % n)])) for n in range(4)]
        self.admission.holdings.words.ceiling = 4_400_000
        protocol, transport = self.connect()
        self.say(protocol, data(1, upload(large, *roots)))
        for stream, root in enumerate((*roots, roots[0]), 2):
            self.say(protocol, data(stream, job(digest(root), has_tree=True)))
        self.assertEqual(len(self.compile.asked), 2)
        self.assertEqual(transport.value().count(b"STOP"), 3)
        self.assert_ada_is_served()
        for stream in range(2, 7):
            self.say(protocol, frame(STOP, stream, 0))
        self.assertEqual(self.taken(), (0, 0))


class ContentTests(SessionFloodTestCase):
    def test_a_job_that_waits_is_refused(self) -> None:
        """What comes in the end may be no folder: the job that waited for it ends, and nothing else."""
        protocol, transport = self.connect()
        self.say(protocol, data(1, job(digest(b"no folder"), has_tree=True)))
        self.say(protocol, data(2, upload(b"no folder")))
        self.assertIn(b"STOP", transport.value())
        self.assertEqual(self.taken(), (0, 0))
        self.assertFalse(transport.aborting)
        self.assert_ada_is_served()

    def test_an_upload_that_is_lost(self) -> None:
        """A job that has asked for what was lost with an upload ends: nothing else would come."""
        protocol, transport = self.connect()
        self.say(protocol, data(1, job(digest(b"never"))))
        self.say(protocol, data(2, upload(b"not packed", is_packed=True)))
        self.assertIn(b"STOP", transport.value())
        transport.clear()
        self.say(protocol, data(3, job(digest(b"never"))))
        self.say(protocol, data(4, upload(bytes(5_000_000))[:50_000]))
        self.assertEqual(transport.value().count(b"STOP"), 2)
        self.assert_ada_is_served()
        self.assertEqual(self.taken(), (0, 0))

    def test_uploads_that_are_stopped(self) -> None:
        """What an upload would have brought is asked for again, a few times."""
        protocol, transport = self.connect()
        self.say(protocol, data(1, job(digest(b"never"))))
        for stream in range(2, 40):
            self.say(protocol, data(stream, upload(b"never")[:30]) + frame(STOP, stream, 0))
        self.assertEqual(transport.value().count(b"NEED"), 4)
        self.assertIn(b"do not come", transport.value())
        self.assert_ada_is_served()

    def test_questions_are_short(self) -> None:
        """A client who reads nothing cannot make long questions wait for him."""
        files = [(b"%05d" % n, digest(b"%d" % n), 1) for n in range(9000)]
        root = encode(Directory(files=files))
        protocol, transport = self.connect()
        self.say(protocol, data(1, upload(root)))
        before = len(transport.value())
        self.say(protocol, data(2, job(digest(root), has_tree=True)))
        self.assertLess(len(transport.value()) - before, 140_000)
        self.assert_ada_is_served()

    def test_the_rest_of_a_bad_upload(self) -> None:
        """What comes after a blob that is none is given up with it."""
        protocol, _ = self.connect()
        made = [Blob(Body.of(b"none"), True), Blob(Body.of(bytes(100_000)), False)]
        message = b"".join(upload_pieces(Writer(BLBQ, UPLOADS, Limits()), len(made), made))
        self.say(protocol, data(1, message))
        self.assertEqual(self.left(), [])
        self.assertEqual(self.taken(), (0, 0))
        self.assert_ada_is_served()

    def test_blobs_in_memory(self) -> None:
        """Thousands of small blobs of an upload that does not end are counted as they come."""
        self.admission.holdings.words.ceiling = 2_000_000
        protocol, transport = self.connect()
        message = upload(*[bytes([n]) * 60_000 for n in range(20)])
        for start in range(0, len(message), 50_000):
            self.say(protocol, data(1, message[start : start + 50_000]))
        self.assertIn(b"STOP", transport.value())
        self.assertEqual(self.taken(), (0, 0))
        self.assert_ada_is_served()

    def test_what_never_comes(self) -> None:
        """A job whose inputs never come costs nobody anything, and ends after so many questions."""
        protocol, transport = self.connect()
        self.say(protocol, data(1, job(digest(b"never"))))
        self.assertIn(b"NEED", transport.value())
        self.assert_ada_is_served()
        for stream in range(2, 300):
            self.say(protocol, data(stream, upload(b"%d" % stream)))
        self.assertEqual(transport.value().count(b"NEED"), 1)
        self.assertFalse(transport.aborting)

    def test_a_bomb(self) -> None:
        """A few kilobytes that would become gigabytes are given up, and so is the upload."""
        protocol, transport = self.connect()
        self.say(protocol, data(1, upload(compress(bytes(60_000_000)), is_packed=True)))
        self.say(protocol, data(2, job(digest(bytes(60_000_000)))))
        self.assertIn(b"NEED", transport.value())
        self.assert_ada_is_served()

    def test_more_than_may_be_stored(self) -> None:
        """An upload beyond the share of one client is stopped as it begins, with a reason."""
        protocol, transport = self.connect()
        message = upload(bytes(5_000_000))
        self.say(protocol, data(1, message[:50_000]))
        self.assertIn(b"STOP", transport.value())
        self.assertIn(b"--max-stored", transport.value())
        self.assert_ada_is_served()
        self.assertEqual(self.admission.holdings.stored.taken("tcp:192.0.2.66"), 0)

    def test_guessed_digests(self) -> None:
        """Whoever guesses the digest of what another has sent is asked for it like for any other."""
        ada, _ = self.connect("192.0.2.9")
        secret = b"int secret;"
        self.say(ada, data(1, upload(secret)))
        eve, transport = self.connect()
        self.say(eve, data(1, job(digest(secret))))
        self.say(eve, data(2, job(digest(b"int nothing;"))))
        self.assertEqual(self.compile.asked, [])
        said = transport.value()
        self.assertEqual(said.count(b"NEED"), 2)
        self.assertIn(digest(secret), said)


class FloodTests(SessionFloodTestCase):
    def test_a_result_that_nobody_takes(self) -> None:
        """A result of which nothing was made yet is given up with its stream, or with its connection."""
        for is_stopped in (True, False):
            protocol, transport = self.connect()
            self.say(protocol, data(1, job()))
            path = f"{self.spool}/large"
            with open(path, "wb") as file:
                file.write(bytes(3_000_000))
            transport.producer.pauseProducing()
            self.compile.answers[-1].callback(Reply(0, object_file=Body.adopt(path)))
            self.assertEqual(self.taken()[1], 3_000_000)
            if is_stopped:
                self.say(protocol, frame(STOP, 1, 0))
            else:
                protocol.connectionLost()
            self.assertEqual(self.left(), [])
            self.assertEqual(self.taken(), (0, 0))
        self.assert_ada_is_served()

    def test_two_messages_on_one_stream(self) -> None:
        """A stream carries one message: whoever sends more is hung up on, and all of it is given up."""
        for more in (job() + job(), upload(bytes(100_000)) + b"x"):
            protocol, transport = self.connect()
            self.say(protocol, data(1, more))
            self.assertTrue(transport.aborting)
            protocol.connectionLost()
        protocol, transport = self.connect()
        self.say(protocol, data(1, job()))
        self.say(protocol, data(1, job()))
        self.assertTrue(transport.aborting)
        protocol.connectionLost()
        self.assertEqual(len(self.compile.cancelled), len(self.compile.asked))
        self.assertEqual(self.taken(), (0, 0))
        self.assertEqual(self.left(), [])
        self.assert_ada_is_served()

    def test_a_job_that_waits_while_the_server_ends(self) -> None:
        """What it waits for cannot come any more: it is stopped, and the server ends."""
        protocol, transport = self.connect()
        self.say(protocol, data(1, job(digest(b"never"))))
        drained = self.factory.drained()
        self.factory.give_up_reading()
        self.assertIn(frame(STOP, 1, 0, rest=b"the server is ending"), transport.value())
        self.assertTrue(transport.disconnecting)
        protocol.connectionLost()
        self.successResultOf(drained)

    def test_begun_and_stopped(self) -> None:
        """Thousands of jobs that are stopped as soon as they begin leave nothing, and hold nobody up."""
        protocol, transport = self.connect()
        words = b"".join(data(stream, job()) + frame(STOP, stream, 0) for stream in range(1, 2000))
        protocol.dataReceived(words)
        self.assertLess(len(self.compile.asked), 200)
        self.assert_ada_is_served()
        self.say(protocol, b"")
        self.assertFalse(transport.aborting)
        self.assertEqual(self.admission.holdings.stored.taken("tcp:192.0.2.66"), 0)

    def test_idle_sessions(self) -> None:
        """Two hundred sessions of one client that do nothing keep nobody out."""
        crowd = [self.connect() for _ in range(200)]
        self.assert_ada_is_served()
        self.assertFalse(any(transport.aborting for _, transport in crowd))

    def test_a_client_that_never_reads(self) -> None:
        """Its results wait on the disk; nothing of them is made that it does not take."""
        protocol, transport = self.connect()
        self.say(protocol, data(1, job()))
        path = f"{self.spool}/large"
        with open(path, "wb") as file:
            file.write(bytes(3_000_000))
        transport.producer.pauseProducing()
        before = len(transport.value())
        self.compile.answers[0].callback(Reply(0, object_file=Body.adopt(path)))
        self.assertEqual(len(transport.value()), before)
        self.assert_ada_is_served()
        self.clock.pump([20] * 3)
        self.assertTrue(transport.aborting)

    def test_more_streams_than_there_may_be(self) -> None:
        """A client that opens more streams than the greeting allows is hung up on."""
        protocol, transport = self.connect()
        for stream in range(1, 100):
            self.say(protocol, data(stream, job()[:20]))
        self.assertTrue(transport.aborting)
        self.assert_ada_is_served()

    def test_halves_of_messages(self) -> None:
        """Streams whose messages never become whole are gone when their client is."""
        protocol, _ = self.connect()
        for stream in range(1, 10):
            self.say(protocol, data(stream, upload(bytes(100_000))[: 5 * stream]))
        self.assert_ada_is_served()
        protocol.connectionLost()
        self.assertEqual([names for _, _, names in os.walk(self.spool) if names], [])
