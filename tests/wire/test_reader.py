"""The receiving half, against peers that do as they should, and peers that do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from tests.wire.samples import (
    merged,
    put,
    reply,
    reply_reader,
    reply_writer,
    request,
    request_reader,
    request_writer,
    split,
    take,
)
from tests.wire.test_tokens import WRONG
from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.wire.connection import Connection, Reader
from twisted_distcc.wire.events import BodyData, BodyEnd, BodyStart, MessageEnd, Number, Text
from twisted_distcc.wire.limits import Limits
from twisted_distcc.wire.tokens import HEADER_LENGTH

REQUEST: Final = put(request_writer(), request(1, [b"gcc", b"-c"], b"int x;"))
REPLY: Final = put(reply_writer(), reply(1, 0, b"warning", b"said", b"\x7fELF"))
BOTH: Final[tuple[tuple[bytes, Callable[[], Reader]], ...]] = (
    (REQUEST, lambda: Connection.server().reader),
    (REPLY, lambda: Connection.client().reader),
)


class EventTests(SynchronousTestCase):
    """What an honest peer sends becomes events as soon as it can."""

    def test_nothing(self) -> None:
        """No bytes, or empty pieces, make no events."""
        reader = request_reader()
        self.assertEqual(list(reader.events()), [])
        self.assertEqual(take(reader, b"", b""), [])

    def test_header_in_parts(self) -> None:
        """A header means nothing until its last byte."""
        reader = request_reader()
        self.assertEqual(take(reader, b"DIST0000000"), [])
        self.assertEqual(take(reader, b"1"), [Number(b"DIST", 1)])

    def test_word_in_parts(self) -> None:
        """A word comes whole, with its last byte."""
        reader = request_reader()
        take(reader, b"DIST00000001ARGC00000001")
        self.assertEqual(take(reader, b"ARGV00000003", b"gc"), [])
        self.assertEqual(take(reader, b"c"), [Text(b"ARGV", b"gcc")])

    def test_empty_word(self) -> None:
        """An empty word needs no more than its header."""
        reader = request_reader()
        take(reader, b"DIST00000001ARGC00000001")
        self.assertEqual(take(reader, b"ARGV00000000"), [Text(b"ARGV", b"")])

    def test_body_as_it_comes(self) -> None:
        """A body is handed over piece by piece, not gathered."""
        reader = request_reader()
        take(reader, b"DIST00000001ARGC00000001ARGV00000000")
        self.assertEqual(take(reader, b"DOTI00000006"), [BodyStart(b"DOTI", 6)])
        self.assertEqual(take(reader, b"int"), [BodyData(b"int")])
        self.assertEqual(take(reader, b" x"), [BodyData(b" x")])
        self.assertEqual(take(reader, b";+"), [BodyData(b";"), BodyEnd(b"DOTI"), MessageEnd()])
        self.assertEqual(reader.trailing, b"+")

    def test_empty_body(self) -> None:
        """A body of no bytes begins and ends, with nothing between."""
        events = take(reply_reader(), put(reply_writer(), reply(1, 256, b"", b"", b"")))
        expected = [BodyStart(b"SERR", 0), BodyEnd(b"SERR"), BodyStart(b"SOUT", 0), BodyEnd(b"SOUT")]
        self.assertEqual(events[2:6], expected)

    def test_body_that_looks_like_tokens(self) -> None:
        """The bytes of a body are never taken for tokens."""
        events = request(2, [b"ARGV00000001"], b"DOTI00000000DOTI00000000")
        self.assertEqual(take(request_reader(), put(request_writer(), events)), events)

    def test_any_status(self) -> None:
        """A status is any number: what it means is not the wire's business."""
        for status in (0, 0xB, 0x100, 0xFFFF_FFFF):
            events = reply(1, status, b"", b"", b"")
            self.assertEqual(take(reply_reader(), put(reply_writer(), events)), events)

    def test_interrupted_taking(self) -> None:
        """Whoever stops in the middle of the events finds the others at the next call."""
        reader = request_reader()
        reader.feed(REQUEST)
        first = next(reader.events())
        self.assertEqual(merged([first, *reader.events()]), request(1, [b"gcc", b"-c"], b"int x;"))

    def test_feeding_while_taking(self) -> None:
        """Bytes that come while events are being taken are taken too."""
        reader = request_reader()
        reader.feed(REQUEST[:5])
        reader.feed(REQUEST[5:30])
        events = []
        for event in reader.events():
            if event == Number(b"DIST", 1):
                reader.feed(REQUEST[30:])
            events.append(event)
        self.assertEqual(merged(events), request(1, [b"gcc", b"-c"], b"int x;"))


class FaultTests(SynchronousTestCase):
    """What the grammar does not allow is the peer's error, at the token where it shows."""

    def assertRefused(self, reader: Reader, message: bytes, *words: str) -> None:
        """Check that `message` is an error that says `words`."""
        error = self.assertRaises(RemoteProtocolError, take, reader, message)
        for word in words:
            self.assertIn(word, str(error))

    def test_missing(self) -> None:
        """Without any one of its tokens a message is refused at the next one, or at the close."""
        for message, new_reader in BOTH:
            tokens = split(message)
            for i in range(len(tokens) - 1):
                wrong = b"".join(tokens[:i] + tokens[i + 1 :])
                self.assertRefused(new_reader(), wrong, "expected", "got")
            reader = new_reader()
            take(reader, b"".join(tokens[:-1]))
            self.assertRaises(RemoteProtocolError, reader.close)

    def test_doubled(self) -> None:
        """With any one of its tokens twice a message is refused, or the last one trails."""
        for message, new_reader in BOTH:
            tokens = split(message)
            for i in range(len(tokens) - 1):
                wrong = b"".join(tokens[: i + 1] + tokens[i:])
                self.assertRefused(new_reader(), wrong, "expected", "got")
            reader = new_reader()
            take(reader, message + tokens[-1])
            self.assertEqual(reader.trailing, tokens[-1])

    def test_out_of_order(self) -> None:
        """Any two different tokens exchanged make a message that is refused."""
        for message, new_reader in BOTH:
            for wrong in _exchanged(split(message)):
                self.assertRefused(new_reader(), wrong, "expected", "got")

    def test_misspelt(self) -> None:
        """Any letter of any token changed makes a message that is refused."""
        for message, new_reader in BOTH:
            for start in _starts(message):
                for i in range(start, start + 4):
                    wrong = message[:i] + b"Z" + message[i + 1 :]
                    self.assertRefused(new_reader(), wrong, "expected", "got", "Z")

    def test_no_letters(self) -> None:
        """Anything but upper-case letters in a name makes a message that is refused."""
        for message, new_reader in BOTH:
            for start in _starts(message):
                for i, wrong_byte in ((i, byte) for i in range(4) for byte in b"\0 19az\xc4_"):
                    wrong = bytearray(message)
                    wrong[start + i] = wrong_byte
                    self.assertRefused(new_reader(), bytes(wrong), "four letters")

    def test_no_digits(self) -> None:
        """Anything but lower-case hexadecimal digits in a number makes a message that is refused."""
        for message, new_reader in BOTH:
            for start in _starts(message):
                for i, wrong_byte in ((i, byte) for i in range(4, 12) for byte in b"\0 +-_AFgx\xb2"):
                    wrong = bytearray(message)
                    wrong[start + i] = wrong_byte
                    self.assertRefused(new_reader(), bytes(wrong), "eight hexadecimal digits")

    def test_other_protocols(self) -> None:
        """What other programs say first is refused in its first twelve bytes."""
        for header in WRONG:
            if len(header) >= HEADER_LENGTH:
                self.assertRefused(request_reader(), header, repr(header[:HEADER_LENGTH]))

    def test_versions(self) -> None:
        """Versions that are not spoken are refused by name, on both ends."""
        for version in (0, 4, 0xFFFF_FFFF):
            digits = b"%08x" % version
            words = f"protocol version {version} is not supported, only 1, 2, 3"
            self.assertRefused(Connection.server().reader, b"DIST" + digits, words)
            self.assertRefused(Connection.client().reader, b"DONE" + digits, words)

    def test_word_counts(self) -> None:
        """A command of no words, or of more than any has, is refused at its count."""
        self.assertRefused(request_reader(), b"DIST00000001ARGC00000000", "ARGC must be at least 1")
        self.assertRefused(request_reader(), b"DIST00000001ARGCffffffff", "4294967295", "arguments")

    def test_wrong_way(self) -> None:
        """A reply sent to a server, and a request sent to a client, are refused at once."""
        self.assertRefused(Connection.server().reader, REPLY, "expected DIST, got DONE")
        self.assertRefused(Connection.client().reader, REQUEST, "expected DONE, got DIST")

    def test_another_version(self) -> None:
        """A reply of another version than its request is refused."""
        client = Connection.client()
        client.writer.send(Number(b"DIST", 2))
        self.assertRefused(client.reader, REPLY, "the other message has version 2, not 1")

    def test_events_before(self) -> None:
        """What came before the error is given before it is raised."""
        reader = request_reader()
        reader.feed(b"DIST00000001ARGC00000001ELSE00000000")
        events = reader.events()
        self.assertEqual([next(events), next(events)], [Number(b"DIST", 1), Number(b"ARGC", 1)])
        self.assertRaises(RemoteProtocolError, next, events)


class LastingTests(SynchronousTestCase):
    """An error is for ever, and so is a close."""

    def assertLasting(self, reader: Reader, text: str) -> None:
        """Check that every call from now on raises the same."""
        for piece in (b"", REQUEST, b"\xff" * 100):
            reader.feed(piece)
            error = self.assertRaises(RemoteProtocolError, list, reader.events())
            self.assertEqual(str(error), text)
            error = self.assertRaises(RemoteProtocolError, reader.close)
            self.assertEqual(str(error), text)
        self.assertEqual(reader.trailing, b"")

    def test_grammar(self) -> None:
        """After a token out of turn, nothing is read."""
        reader = request_reader()
        self.assertRaises(RemoteProtocolError, take, reader, b"ELSE00000000" + REQUEST)
        self.assertLasting(reader, "expected DIST, got ELSE")

    def test_header(self) -> None:
        """After bytes that are no token, nothing is read."""
        reader = request_reader()
        error = self.assertRaises(RemoteProtocolError, take, reader, b"\0" * 12)
        self.assertLasting(reader, str(error))

    def test_close(self) -> None:
        """After an early close, nothing is read."""
        reader = request_reader()
        take(reader, REQUEST[:-1])
        self.assertRaises(RemoteProtocolError, reader.close)
        self.assertLasting(reader, "the connection was closed in the middle of a message")

    def test_close_at_once(self) -> None:
        """A peer that says nothing has closed early too."""
        reader = request_reader()
        self.assertRaises(RemoteProtocolError, reader.close)
        self.assertLasting(reader, "the connection was closed in the middle of a message")

    def test_not_one_object(self) -> None:
        """Each error is a new one: one that is raised again and again grows with each traceback."""
        reader = request_reader()
        first = self.assertRaises(RemoteProtocolError, take, reader, b"ELSE00000000")
        second = self.assertRaises(RemoteProtocolError, list, reader.events())
        self.assertIsNot(first, second)

    def test_close_after_the_end(self) -> None:
        """Closing after the end is no error, however often, and whatever trails."""
        reader = request_reader()
        take(reader, REQUEST + b"more")
        reader.close()
        reader.close()
        self.assertEqual(reader.trailing, b"more")
        self.assertEqual(list(reader.events()), [])

    def test_close_between_all_bytes(self) -> None:
        """Closing before the last byte is an error wherever it happens, and nowhere after."""
        for message, new_reader in BOTH:
            for length in range(len(message) + 3):
                reader = new_reader()
                take(reader, (message + b"++")[:length])
                if length < len(message):
                    self.assertRaises(RemoteProtocolError, reader.close)
                else:
                    reader.close()


class TrailingTests(SynchronousTestCase):
    """Bytes after the end of a message are few, or an error."""

    def test_kept(self) -> None:
        """As many as their ceiling are kept, in how many pieces they come."""
        reader = request_reader(Limits(trailing=5))
        self.assertEqual(merged(take(reader, REQUEST + b"ab", b"c", b"de"))[-1], MessageEnd())
        self.assertEqual(reader.trailing, b"abcde")

    def test_one_more(self) -> None:
        """One more is an error, after the message was given."""
        for pieces in ([REQUEST + b"abcdef"], [REQUEST, b"abcdef"], [REQUEST + b"abcde", b"f"]):
            reader = request_reader(Limits(trailing=5))
            for piece in pieces:
                reader.feed(piece)
            events = reader.events()
            self.assertEqual(merged(islice(events, 7)), request(1, [b"gcc", b"-c"], b"int x;"))
            error = self.assertRaises(RemoteProtocolError, next, events)
            self.assertEqual(str(error), "more than 5 bytes follow the end of the message")
            self.assertEqual(reader.trailing, b"")
            self.assertRaises(RemoteProtocolError, reader.close)

    def test_not_read(self) -> None:
        """They are kept as they are: a second message is not this reader's."""
        reader = request_reader()
        self.assertEqual(take(reader, REQUEST + REQUEST).count(MessageEnd()), 1)
        self.assertEqual(reader.trailing, REQUEST)


def _exchanged(tokens: list[bytes]) -> Iterator[bytes]:
    for i in range(len(tokens)):
        for j in range(i):
            if tokens[i][:4] != tokens[j][:4]:
                swapped = list(tokens)
                swapped[i], swapped[j] = tokens[j], tokens[i]
                yield b"".join(swapped)


def _starts(message: bytes) -> Iterator[int]:
    """Give the offset of each token."""
    at = 0
    for token in split(message):
        yield at
        at += len(token)
