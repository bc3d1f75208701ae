"""What each version compresses, there and back."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred

from tests.runtime.test_bulk import NOISE, BulkTestCase
from twisted_distcc.content.body import IN_MEMORY, Body
from twisted_distcc.content.lzo import compress
from twisted_distcc.errors import BodyTooLargeError
from twisted_distcc.jobs.compression import (
    compress_reply,
    compress_request,
    expand_reply,
    expand_request,
    packed_source,
)
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.jobs.plain_trees import pack_tree
from twisted_distcc.wire.limits import Limits


class VersionTests(BulkTestCase):
    def test_version_one_is_left_alone(self) -> None:
        """Only version 2 compresses: the very same message comes back for version 1."""
        request, reply, bulk = Request((b"cc",), Body.of(b"x")), Reply(0), self.bulk
        for coroutine, same in (
            (expand_request(bulk, request, Limits()), request),
            (compress_request(bulk, request), request),
        ):
            self.assertIs(self.successResultOf(Deferred.fromCoroutine(coroutine)), same)
        for again in (expand_reply(bulk, reply, 1, Limits()), compress_reply(bulk, reply, 1)):
            self.assertIs(self.successResultOf(Deferred.fromCoroutine(again)), reply)

    def test_version_two_there_and_back(self) -> None:
        """Requests and replies of version 2 are compressed and expanded whole; empty stays empty."""
        request = Request((b"cc",), Body.of(b"x" * 999), 2)
        sent = self.successResultOf(Deferred.fromCoroutine(compress_request(self.bulk, request)))
        self.assertEqual(sent.source.read(), compress(b"x" * 999))
        got = self.successResultOf(Deferred.fromCoroutine(expand_request(self.bulk, sent, Limits())))
        self.assertEqual(got, request)
        reply = Reply(0, Body.of(b"e" * 99), Body.of(b""), Body.of(b"o" * 99))
        packed = self.successResultOf(Deferred.fromCoroutine(compress_reply(self.bulk, reply, 2)))
        self.assertEqual(packed.stdout.length, 0)
        unpacked = expand_reply(self.bulk, packed, 2, Limits())
        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(unpacked)), reply)

    def test_the_limit_of_the_connection_holds(self) -> None:
        """A body that becomes more than the connection's ceiling is refused."""
        request = Request((b"cc",), Body.of(compress(bytes(1000))), 2)
        working = Deferred.fromCoroutine(expand_request(self.bulk, request, Limits(expanded=999)))
        self.failureResultOf(working, BodyTooLargeError)

    def test_version_three(self) -> None:
        """A tree is sent as it is kept, and has no source to expand; the reply is as in version 2."""
        tree = pack_tree(b"/p", {b"/p/a.c": b"int a;"})
        request = Request((b"cc",), version=3, tree=tree)
        bulk = self.bulk
        for changed in (expand_request(bulk, request, Limits()), compress_request(bulk, request)):
            self.assertIs(self.successResultOf(Deferred.fromCoroutine(changed)), request)
        self.assertIsNone(packed_source(request))
        reply = Reply(0, dependencies=Body.of(b"a.o: a.c" * 9))
        packed = self.successResultOf(Deferred.fromCoroutine(compress_reply(self.bulk, reply, 3)))
        self.assertEqual(packed.dependencies.read(), compress(b"a.o: a.c" * 9))

    def test_one_body_of_three_fails(self) -> None:
        """The bodies that were ready are given up with it."""
        noise = NOISE[: IN_MEMORY * 2]
        reply = Reply(0, Body.of(noise), Body.of(b""), Body.of(noise))
        working = Deferred.fromCoroutine(compress_reply(self.bulk, reply, 2))
        self.threads.run()
        self.assertEqual(self.files(), 1)
        working.cancel()
        self.failureResultOf(working, CancelledError)
        self.assertEqual(self.files(), 0)
