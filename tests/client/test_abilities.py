"""What hosts are asked, what is made of their answers, and how long that holds."""

from __future__ import annotations

import json
import os
from dataclasses import replace

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.abilities import Abilities
from twisted_distcc.client.faults import (
    BadReplyError,
    CannotConnectError,
    LostConnectionError,
    SlowHostError,
    UntrustedError,
)
from twisted_distcc.client.hosts import RemoteHost, TcpHost
from twisted_distcc.client.own_compilers import HOLDS, OwnCompiler, OwnCompilers
from twisted_distcc.messages.body import Body
from twisted_distcc.messages.model import Reply, Request

DIGEST = "0d" * 32
GOOD = {"server": "twisted-distccd", "version": "1", "preprocesses": "exact", "compiler": DIGEST}
OTHER = GOOD | {"compiler": "0e" * 32}
RED, BLUE = TcpHost("red"), TcpHost("blue")


def answer(told: object) -> Reply:
    return Reply(0, stdout=Body.of(json.dumps(told).encode()))


class AbilitiesTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        path = os.path.abspath(self.mktemp())
        with open(path, "x"):
            pass
        self.gcc = OwnCompiler(path, "gcc", "/usr/bin")
        self.digest: str | None = DIGEST
        self.clock = Clock()
        own = OwnCompilers(self.clock, lambda _: succeed(self.digest))
        self.abilities = Abilities(self.clock, own)
        self.requests: list[Request] = []
        self.answers: list[Deferred[Reply]] = []

    def ask(self, request: Request) -> Deferred[Reply]:
        self.requests.append(request)
        self.answers.append(Deferred())
        return self.answers[-1]

    def exact(self, host: RemoteHost = RED, compiler: OwnCompiler | None = None) -> Deferred[bool]:
        return Deferred.fromCoroutine(self.abilities.exact(host, self.ask, compiler or self.gcc))

    def asked(self, reply: Reply | Exception, host: RemoteHost = RED) -> bool:
        """Ask a host that has to be asked, and answers so."""
        before = len(self.requests)
        exact = self.exact(host)
        self.assertEqual(len(self.requests), before + 1)
        if isinstance(reply, Exception):
            self.answers[-1].errback(reply)
        else:
            self.answers[-1].callback(reply)
        return self.successResultOf(exact)

    def known(self, host: RemoteHost = RED) -> bool:
        """Ask a host of which it is known."""
        before = len(self.requests)
        result = self.successResultOf(self.exact(host))
        self.assertEqual(len(self.requests), before)
        return result


class AnswerTests(AbilitiesTestCase):
    def test_yes(self) -> None:
        """The same compiler, at our own paths: that is all it takes."""
        self.assertIs(self.asked(answer(GOOD)), True)
        (request,) = self.requests
        self.assertEqual(request, Request((b"twisted-distccd", b"about", b"gcc")))

    def test_more_than_we_know(self) -> None:
        """A later server may tell more."""
        self.assertIs(self.asked(answer(GOOD | {"since": "yesterday"})), True)

    def test_no(self) -> None:
        """Another compiler, another way, another program, or a compiler that cannot be told."""
        for change in (
            {"compiler": "00" * 32}, {"compiler": None}, {"preprocesses": "mapped"},
            {"preprocesses": "no"}, {"server": "distccd"}, {"compiler": [DIGEST]},
        ):  # fmt: skip
            self.setUp()
            self.assertIs(self.asked(answer(GOOD | change)), False, change)

    def test_noise(self) -> None:
        """What is no answer is a no, however it is made, and fails nothing."""
        whole = json.dumps(GOOD).encode()
        for noise in (
            b"", whole[:-1], whole + b"x", b"\xff\xfe", b"[" * 4000, b"1" * 4000, b"null", b"[]",
            b'"twisted-distccd"', json.dumps(GOOD | {"version": "x" * 4096}).encode(),
        ):  # fmt: skip
            self.setUp()
            self.assertIs(self.asked(Reply(0, stdout=Body.of(noise))), False, noise)

    def test_refused(self) -> None:
        """A refusal is a no, whatever stands beside it; so is the object of who compiles anything."""
        refusal = Reply(110 << 8, stdout=answer(GOOD).stdout)
        for reply in (refusal, Reply.sentence(110, "no"), Reply(0, object_file=Body.of(b"\x7fELF"))):
            self.setUp()
            self.assertIs(self.asked(reply), False)

    def test_who_hangs_up(self) -> None:
        """C distccd hangs up on what it does not know, which is a no, and remembered."""
        for error in (LostConnectionError("hung up"), BadReplyError("sent a bad reply")):
            self.setUp()
            self.assertIs(self.asked(error), False)
            self.assertIs(self.known(), False)

    def test_bodies_are_given_up(self) -> None:
        """Of an answer that came in a file no file is left."""
        path = os.path.abspath(self.mktemp())
        with open(path, "wb") as file:
            file.write(bytes(70_000))
        self.assertIs(self.asked(Reply(0, stdout=Body(70_000, path=path))), False)
        self.assertFalse(os.path.exists(path))


class MemoryTests(AbilitiesTestCase):
    def test_once(self) -> None:
        """A host is asked once, and each host by itself."""
        self.assertIs(self.asked(answer(GOOD)), True)
        self.assertIs(self.known(), True)
        self.assertIs(self.asked(answer(GOOD | {"compiler": None}), BLUE), False)
        self.assertEqual((self.known(), self.known(BLUE)), (True, False))

    def test_again_after_a_while(self) -> None:
        """Servers are upgraded: either answer holds for ten minutes, and no longer."""
        for told in (GOOD, {}):
            self.setUp()
            is_yes = self.asked(answer(told))
            self.clock.advance(HOLDS - 1)
            self.assertIs(self.known(), is_yes)
            self.clock.advance(1)
            self.assertIs(self.asked(answer({} if is_yes else GOOD)), not is_yes)

    def test_our_compiler_changes(self) -> None:
        """What was said of the old one does not hold for the new one."""
        self.assertIs(self.asked(answer(GOOD)), True)
        self.digest = "ee" * 32
        os.utime(self.gcc.path, (1, 1))
        self.assertIs(self.asked(answer(GOOD)), False)
        self.assertIs(self.known(), False)

    def test_no_digest_of_ours(self) -> None:
        """A compiler of ours that cannot be told from others is not asked about."""
        self.digest = None
        self.assertIs(self.known(), False)

    def test_by_another_name(self) -> None:
        """A server may have another compiler by another name."""
        self.assertIs(self.asked(answer(GOOD)), True)
        self.exact(compiler=replace(self.gcc, name="gcc-12"))
        self.assertEqual(self.requests[-1].arguments[-1], b"gcc-12")

    def test_who_cannot_be_asked(self) -> None:
        """A host that fails as a host has not answered: the failure is told, and it is asked again."""
        for error in (CannotConnectError("x"), SlowHostError("x"), UntrustedError("x")):
            exact = self.exact()
            self.answers[-1].errback(error)
            self.failureResultOf(exact, type(error))
        self.assertIs(self.asked(answer(GOOD)), True)
        self.assertEqual(len(self.requests), 4)

    def test_shared(self) -> None:
        """All who want to know at the same time share one question, though who asked it goes."""
        first, *others = (self.exact() for _ in range(3))
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.answers[0].callback(answer(GOOD))
        self.assertEqual([self.successResultOf(one) for one in others], [True, True])
        self.assertEqual(len(self.requests), 1)


class HopelessTests(AbilitiesTestCase):
    """Whether it is worth the while to find files for hosts."""

    def are_hopeless(self, *hosts: RemoteHost) -> bool:
        waiting = Deferred.fromCoroutine(self.abilities.are_hopeless(hosts, self.gcc))
        return self.successResultOf(waiting)

    def test_nobody_was_asked(self) -> None:
        """Of a host that was not asked yet nothing is known, and nobody is asked."""
        self.assertIs(self.are_hopeless(RED), False)
        self.assertEqual(self.requests, [])

    def test_all_said_no(self) -> None:
        """Hosts that have all said no are hopeless, until their answers are too old."""
        for host in (RED, BLUE):
            self.asked(answer(OTHER), host)
        self.assertIs(self.are_hopeless(RED, BLUE), True)
        self.clock.advance(HOLDS + 1)
        self.assertIs(self.are_hopeless(RED, BLUE), False)

    def test_one_said_yes(self) -> None:
        """One that has said yes is enough."""
        self.asked(answer(OTHER), RED)
        self.asked(answer(GOOD), BLUE)
        self.assertIs(self.are_hopeless(RED, BLUE), False)

    def test_a_compiler_of_which_nobody_can_tell(self) -> None:
        """A compiler without a digest can be on no server."""
        self.digest = None
        self.assertIs(self.are_hopeless(RED), True)
