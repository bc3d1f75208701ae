"""A site that only reads, and only for those who mean it."""

from __future__ import annotations

import re
from typing import cast

from twisted.internet.address import IPv4Address
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from twisted_distcc.web.answers import Answer, Answers
from twisted_distcc.web.guarded_site import guarded_site, is_own_host

NAMES = ("build1.example", "build1")
ADDRESS = IPv4Address("TCP", "127.0.0.1", 1)


class HostTests(SynchronousTestCase):
    def test_own(self) -> None:
        """Its names, any numeric address and none at all are its own, with a port or without."""
        for host in (
            None, "localhost", "LOCALHOST:3633", "127.0.0.1", "192.0.2.7:3633", "[::1]",
            "[2001:db8::1]:1", "build1", "Build1.Example:3633", "build1.example.",
        ):  # fmt: skip
            self.assertTrue(is_own_host(host, NAMES), host)

    def test_others(self) -> None:
        """Names of others are not, however they look."""
        for host in (
            "evil.example", "build1.example.evil.example", "127.0.0.1.evil.example",
            "localhost.evil:3633", "", ":", "[", "[evil]", "127.0.0.1:evil", "1.2.3", "xn--localhost",
            "evil.example:127.0.0.1",
        ):  # fmt: skip
            self.assertFalse(is_own_host(host, NAMES), host)


class SiteTests(SynchronousTestCase):
    def setUp(self) -> None:
        root = Resource()
        root.putChild(b"ok", Answers(lambda _: Answer(b"fine\n")))
        root.putChild(b"bad", Answers(lambda _: cast(Answer, 1 / 0)))
        self.factory = guarded_site(root, Clock(), NAMES, most=2)

    def ask(self, lines: bytes) -> bytes:
        """Return the answer to a request; what is not answered is aborted."""
        protocol = self.factory.buildProtocol(ADDRESS)
        transport = StringTransport()
        cast(Protocol, protocol).makeConnection(transport)
        cast(Protocol, protocol).dataReceived(lines + b"\r\n\r\n")
        answer = transport.value()
        self.assertTrue(answer or transport.disconnecting or transport.disconnected)
        return answer

    def test_headers(self) -> None:
        """All answers, and refusals, forbid scripts of others and frames, and name no version."""
        for lines in (
            b"GET /ok HTTP/1.1\r\nHost: localhost", b"GET /no HTTP/1.1\r\nHost: localhost",
            b"GET /ok HTTP/1.1\r\nHost: evil.example", b"PUT /ok HTTP/1.1\r\nHost: localhost",
        ):  # fmt: skip
            head = self.ask(lines).partition(b"\r\n\r\n")[0].decode()
            self.assertIn("Content-Security-Policy: default-src 'none'; script-src 'self';", head)
            self.assertIn("X-Content-Type-Options: nosniff", head)
            self.assertNotRegex(head, re.compile("TwistedWeb|Access-Control", re.IGNORECASE))
            self.factory.connectionCount = 0  # type: ignore[attr-defined]

    def test_answers(self) -> None:
        """Reading is answered, by its own names; HEAD without the body; anything else is refused."""
        for lines, status, body in (
            (b"GET /ok HTTP/1.1\r\nHost: localhost", b"200 OK", b"fine\n"),
            (b"GET /ok HTTP/1.0", b"200 OK", b"fine\n"),
            (b"HEAD /ok HTTP/1.1\r\nHost: localhost", b"200 OK", b""),
            (b"GET /ok HTTP/1.1\r\nHost: evil.example", b"421 Misdirected Request", None),
            (b"DELETE /ok HTTP/1.1\r\nHost: localhost", b"405 Method Not Allowed", None),
        ):
            answer = self.ask(lines)
            self.assertIn(status, answer.partition(b"\r\n")[0])
            if body is not None:
                self.assertEqual(answer.partition(b"\r\n\r\n")[2], body)
            self.factory.connectionCount = 0  # type: ignore[attr-defined]

    def test_bodies(self) -> None:
        """Whoever sends a body gets no answer, and nothing of it is kept."""
        for header in (b"Content-Length: 1000000000000", b"Transfer-Encoding: chunked"):
            answer = self.ask(b"POST /ok HTTP/1.1\r\nHost: localhost\r\n" + header)
            self.assertNotIn(b"200 OK", answer)
            self.assertNotIn(b"fine", answer)

    def test_faults(self) -> None:
        """What cannot be made is said without a traceback, which the log has."""
        answer = self.ask(b"GET /bad HTTP/1.1\r\nHost: localhost")
        self.assertIn(b"500 ", answer.partition(b"\r\n")[0])
        self.assertNotIn(b"Zero", answer)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_many(self) -> None:
        """Beyond its number of connections it takes none."""
        for _ in range(2):
            self.assertIsNotNone(self.factory.buildProtocol(ADDRESS))
        self.assertIsNone(self.factory.buildProtocol(ADDRESS))
