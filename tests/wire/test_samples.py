"""What real peers said, read and written again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from tests.wire.samples import (
    ANSWERED,
    RECORDED,
    VECTORS,
    merged,
    put,
    recorded_reply,
    recorded_request,
    reply_reader,
    reply_writer,
    request_reader,
    request_writer,
    split,
    take,
)
from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.wire.connection import Connection, Reader, Writer
from twisted_distcc.wire.events import BodyData, BodyStart, MessageEnd, Number, Text

COMMAND: Final = (b"x86_64-linux-gnu-gcc", b"-Wall", b"-c", b"twice.c", b"-o", b"twice.o")


def _messages() -> Iterator[tuple[bytes, Callable[[], Reader], Callable[[], Writer]]]:
    for name in RECORDED:
        yield recorded_request(name), request_reader, request_writer
    for name in ANSWERED:
        yield recorded_reply(name), reply_reader, reply_writer


def _bodies(reply: bytes) -> dict[bytes, bytes]:
    """Read a reply's bodies, by token."""
    found: dict[bytes, bytes] = {}
    for event in take(reply_reader(), reply):
        if isinstance(event, BodyStart):
            token, found[event.token] = event.token, b""
        elif isinstance(event, BodyData):
            found[token] += event.data
    return found


class RecordedTests(SynchronousTestCase):
    """Every sample, in every way that the network may cut it."""

    def test_all_are_used(self) -> None:
        """No recorded file is left out of these tests."""
        self.assertEqual({path.stem for path in VECTORS.glob("*.re*")}, {*RECORDED})

    def test_whole(self) -> None:
        """A sample that comes in one piece is complete, and nothing is left over."""
        for message, new_reader, _ in _messages():
            reader = new_reader()
            events = take(reader, message)
            self.assertEqual(events[-1], MessageEnd())
            self.assertEqual(events.count(MessageEnd()), 1)
            self.assertEqual(reader.trailing, b"")
            reader.close()

    def test_byte_by_byte(self) -> None:
        """A sample that comes byte by byte gives the same events, but for the cuts in bodies."""
        for message, new_reader, _ in _messages():
            whole = take(new_reader(), message)
            drops = take(new_reader(), *(bytes([byte]) for byte in message))
            self.assertEqual(merged(drops), whole)

    def test_trailing(self) -> None:
        """Bytes after a sample are no part of it, and are kept."""
        for message, new_reader, _ in _messages():
            whole = take(new_reader(), message)
            for pieces in (
                [message + b"DIST"],
                [message, b"DI", b"ST"],
                [message[:-1], message[-1:] + b"DIST"],
            ):
                reader = new_reader()
                self.assertEqual(merged(take(reader, *pieces)), whole)
                self.assertEqual(reader.trailing, b"DIST")
                reader.close()

    def test_no_trailing_before_the_end(self) -> None:
        """While the message lasts, nothing trails."""
        for message, new_reader, _ in _messages():
            reader = new_reader()
            take(reader, message[:-1])
            reader.feed(message[-1:])
            self.assertEqual(reader.trailing, b"")

    def test_written_again(self) -> None:
        """A sample that was read is written again byte for byte."""
        for message, new_reader, new_writer in _messages():
            events = take(new_reader(), message)
            self.assertEqual(put(new_writer(), events), message)
            drops = take(new_reader(), *(bytes([byte]) for byte in message))
            self.assertEqual(put(new_writer(), drops), message)

    def test_closed_early(self) -> None:
        """A sample that ends before its last byte is an error, wherever that is."""
        for message, new_reader, _ in _messages():
            for length in range(len(message)):
                reader = new_reader()
                take(reader, message[:length])
                error = self.assertRaises(RemoteProtocolError, reader.close)
                self.assertIn("closed in the middle", str(error))


class MeaningTests(SynchronousTestCase):
    """The samples say what distcc(1) and the compiler meant."""

    def test_request(self) -> None:
        """A plain request is the version, the command and the preprocessed source."""
        events = take(request_reader(), recorded_request("plain-success"))
        source = split(recorded_request("plain-success"))[-1][12:]
        words = [Text(b"ARGV", word) for word in COMMAND]
        self.assertEqual(events[:8], [Number(b"DIST", 1), Number(b"ARGC", 6), *words])
        self.assertEqual(events[8], BodyStart(b"DOTI", len(source)))
        self.assertEqual(events[9], BodyData(source))
        self.assertTrue(source.startswith(b'# 0 "twice.c"'))

    def test_versions(self) -> None:
        """Option `lzo` makes it version 2, and the include server version 3."""
        versions = {"plain": 1, "lzo": 2, "files": 3}
        for name in ANSWERED:
            version = versions[name.partition("-")[0]]
            first = take(request_reader(), recorded_request(name)[:12])
            self.assertEqual(first, [Number(b"DIST", version)])
            first = take(reply_reader(), recorded_reply(name)[:12])
            self.assertEqual(first, [Number(b"DONE", version)])

    def test_statuses(self) -> None:
        """The status is the one that wait(2) gives: an exit code shifted, or a signal."""
        statuses = {"success": 0, "chatty": 0, "error": 1 << 8, "killed": 11}
        for name in ANSWERED:
            events = take(reply_reader(), recorded_reply(name))
            self.assertEqual(events[1], Number(b"STAT", statuses[name.partition("-")[2]]))

    def test_success(self) -> None:
        """A compile that succeeded gives warnings and an object file."""
        bodies = _bodies(recorded_reply("plain-success"))
        self.assertIn(b"unused variable", bodies[b"SERR"])
        self.assertEqual(bodies[b"SOUT"], b"")
        self.assertTrue(bodies[b"DOTO"].startswith(b"\x7fELF"))

    def test_error(self) -> None:
        """A compile that failed gives errors and an empty object file."""
        bodies = _bodies(recorded_reply("plain-error"))
        self.assertIn(b"undeclared", bodies[b"SERR"])
        self.assertEqual(bodies[b"DOTO"], b"")

    def test_both_outputs(self) -> None:
        """What the compiler printed comes back on the stream that it chose."""
        bodies = _bodies(recorded_reply("plain-chatty"))
        self.assertEqual(bodies[b"SOUT"], b"to stdout\n")
        self.assertTrue(bodies[b"SERR"].startswith(b"to stderr\n"))

    def test_refusal(self) -> None:
        """A distccd that refuses a compiler closes without a word, and that is an error."""
        connection = Connection.client()
        put(connection.writer, take(request_reader(), recorded_request("plain-refused")))
        self.assertEqual(take(connection.reader, recorded_reply("plain-refused")), [])
        self.assertRaises(RemoteProtocolError, connection.reader.close)

    def test_dependencies(self) -> None:
        """Version 3 gives the dependency file with the object, and neither after an error."""
        self.assertIn(b"DOTD", _bodies(recorded_reply("files-success")))
        self.assertNotIn(b"DOTD", _bodies(recorded_reply("files-error")))


class ExchangeTests(SynchronousTestCase):
    """A whole exchange of real peers goes through both of our ends."""

    def test_spoken(self) -> None:
        """Our client writes what distcc wrote, and both ends read what distccd answered."""
        for name in ANSWERED:
            client, server = Connection.client(), Connection.server()
            asked = take(server.reader, recorded_request(name))
            self.assertEqual(put(client.writer, asked), recorded_request(name))
            said = take(client.reader, recorded_reply(name))
            self.assertEqual(put(server.writer, said), recorded_reply(name))
