"""gRPC over HTTP/2: calls that end well, badly, early and never."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.reapi.double import HANG, Double, Fault, Raw, settle
from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.reapi.grpc_connection import GrpcConnection
from twisted_distcc.reapi.grpc_messages import MessageAssembly, framed
from twisted_distcc.reapi.grpc_status import Code, GrpcError, http_fault, status_of

PATH = "/some.Service/CancelOperation"


class ConnectionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.double = Double(self.clock)
        self.connection = GrpcConnection(self.clock, "red:1", "http", (("x-key", "secret"),))
        self.double.connect(self._factory())

    def _factory(self) -> Any:
        connection = self.connection

        class Factory:
            def buildProtocol(self, _addr: object) -> GrpcConnection:
                return connection

        return Factory()

    def ask(self, timeout: float = 10) -> Deferred[bytes]:
        asked = Deferred.fromCoroutine(self.connection.unary(PATH, [b""], timeout))
        settle(self.clock)
        return asked

    def fault(self, asked: Deferred[bytes]) -> GrpcError:
        return self.failureResultOf(asked, GrpcError).value  # type: ignore[no-any-return]

    def test_answer(self) -> None:
        """A call has one answer, and its headers are ours."""
        self.double.script["CancelOperation"] = [b"answer"]
        self.assertEqual(self.successResultOf(self.ask()), b"answer")
        self.assertEqual(self.double.heads[0][":authority"], "red:1")
        self.assertEqual(self.double.heads[0]["x-key"], "secret")

    def test_fault(self) -> None:
        """A status is a fault, with the server's words, which are short and printable."""
        self.double.script["CancelOperation"] = [Fault(Code.UNAVAILABLE, "no%0Aworker " + "x" * 1000)]
        fault = self.fault(self.ask())
        self.assertEqual((fault.code, len(fault.said)), (Code.UNAVAILABLE, 300))
        self.assertTrue(fault.said.startswith("no?worker x"))

    def test_number_of_answers(self) -> None:
        """A call that wants one answer takes neither none nor two."""
        self.double.script["CancelOperation"] = [[], [b"one", b"two"]]
        for _ in range(2):
            self.assertIs(self.fault(self.ask()).code, Code.INTERNAL)

    def test_deadline(self) -> None:
        """A server that does not answer in time gets no more of our time, and other calls go on."""
        self.double.script["CancelOperation"] = [HANG]
        asked = self.ask(timeout=5)
        settle(self.clock, 5)
        self.assertIs(self.fault(asked).code, Code.DEADLINE_EXCEEDED)
        self.successResultOf(self.ask())

    def test_cancelled(self) -> None:
        """To cancel a call ends its stream, and nothing else."""
        self.double.script["CancelOperation"] = [HANG]
        asked = self.ask()
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        settle(self.clock)
        self.successResultOf(self.ask())

    def test_lost(self) -> None:
        """When the connection is lost, all calls fail, and so do later ones."""
        self.double.script["CancelOperation"] = [HANG]
        asked = self.ask()
        self.double.transports[0].abortConnection()
        settle(self.clock)
        self.assertIs(self.fault(asked).code, Code.UNAVAILABLE)
        self.assertFalse(self.connection.is_open)
        self.assertIs(self.fault(self.ask()).code, Code.UNAVAILABLE)

    def test_no_http(self) -> None:
        """A peer that speaks something else is one fault, not an exception of a library's."""
        for said in (b"DONE00000001STAT0000000b", b"HTTP/1.1 400 Bad Request\r\n", bytes(30)):
            self.setUp()
            self.connection.dataReceived(said)
            self.assertIs(self.fault(self.ask()).code, Code.UNAVAILABLE)

    def test_breach(self) -> None:
        """What breaks HTTP/2 later on is a fault as well: a frame on a stream that there is not."""
        self.double.script["CancelOperation"] = [Raw(b"\0\0\x04\0\0\0\0\0\x63oops")]
        self.assertIs(self.fault(self.ask()).code, Code.UNKNOWN)

    def test_silence(self) -> None:
        """A server that is silent while a call waits is asked once, and given up if it stays silent."""
        self.double.script["CancelOperation"] = [HANG]
        asked = self.ask(timeout=1000)
        self.double.take = lambda *_: None  # type: ignore[method-assign]
        for _ in range(4):
            settle(self.clock, 20)
        self.assertIs(self.fault(asked).code, Code.UNAVAILABLE)

    def test_unused(self) -> None:
        """A connection that nobody uses is closed after some minutes, and no timer is left."""
        for _ in range(40):
            settle(self.clock, 20)
        self.assertFalse(self.double.transports[0].is_open)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class PartTests(SynchronousTestCase):
    def test_assembly(self) -> None:
        """Messages come whole, however their bytes come."""
        data, assembly = framed(b"one") + framed(b"") + framed(b"three"), MessageAssembly(10)
        found = [message for byte in data for message in assembly.feed(bytes([byte]))]
        self.assertEqual((found, assembly.is_whole), ([b"one", b"", b"three"], True))

    def test_bad_messages(self) -> None:
        """A message that is too long is refused by its head, and so is one that is compressed."""
        for head in (b"\0\0\0\0\x0b", b"\x01\0\0\0\0"):
            with self.assertRaises(RemoteProtocolError):
                list(MessageAssembly(10).feed(head))

    def test_heads(self) -> None:
        """What answers in place of a gRPC server is said by its status, or its kind."""
        grpc = {b":status": b"200", b"content-type": b"application/grpc+proto"}
        self.assertIsNone(http_fault(grpc))
        for head, code in (
            ({b":status": b"503"}, Code.UNAVAILABLE),
            ({b":status": b"401"}, Code.UNAUTHENTICATED),
            ({b":status": b"\xff"}, Code.UNKNOWN),
            ({b":status": b"200", b"content-type": b"text/html"}, Code.UNKNOWN),
            ({}, Code.UNKNOWN),
        ):
            fault = http_fault(head)
            assert fault is not None
            self.assertIs(fault.code, code)

    def test_odd_statuses(self) -> None:
        """A status that there is not, or none at all, is unknown."""
        for trailers in (
            {},
            {b"grpc-status": b"99"},
            {b"grpc-status": b"-1"},
            {b"grpc-status": b"9" * 99},
        ):
            fault = status_of(trailers)
            assert fault is not None
            self.assertIs(fault.code, Code.UNKNOWN)
        self.assertIsNone(status_of({b"grpc-status": b"0"}))
