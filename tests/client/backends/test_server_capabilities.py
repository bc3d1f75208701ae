"""What hosts are asked, what is made of their answers, and how long that holds."""

from __future__ import annotations

import json
import os
from dataclasses import replace

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.backends.host_faults import (
    BadReplyError,
    CannotConnectError,
    LostConnectionError,
    NoAnswerError,
    RefusedByHostError,
    Scope,
    SlowHostError,
)
from twisted_distcc.client.backends.likeness import Likeness, Paths
from twisted_distcc.client.backends.server_capabilities import ServerCapabilities
from twisted_distcc.client.hosts import RemoteHost, TcpHost
from twisted_distcc.client.inputs.local_toolchains import HOLDS, LocalCompiler, LocalToolchains
from twisted_distcc.content.body import Body
from twisted_distcc.jobs.model import Reply, Request

EXACT = Likeness.EXACT
SERVER = "twisted-distccd"
DIGEST = "0d" * 32
GOOD = {"server": SERVER, "version": "1", "preprocesses": "exact", "compiler": DIGEST}
OTHER = GOOD | {"compiler": "0e" * 32}
RED, BLUE = TcpHost("red"), TcpHost("blue")


def answer(told: object) -> Reply:
    return Reply(0, stdout=Body.of(json.dumps(told).encode()))


class AbilitiesTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        path = os.path.abspath(self.mktemp())
        with open(path, "x"):
            pass
        self.gcc = LocalCompiler(path, "gcc")
        self.digest: str | None = DIGEST
        self.clock = Clock()
        own = LocalToolchains(self.clock, lambda _: succeed(self.digest))
        self.capabilities = ServerCapabilities(self.clock, own)
        self.requests: list[Request] = []
        self.answers: list[Deferred[Reply]] = []

    def ask(self, request: Request) -> Deferred[Reply]:
        self.requests.append(request)
        self.answers.append(Deferred())
        return self.answers[-1]

    def likeness(
        self, host: RemoteHost = RED, compiler: LocalCompiler | None = None
    ) -> Deferred[Likeness]:
        return Deferred.fromCoroutine(self.capabilities.likeness(host, self.ask, compiler or self.gcc))

    def put(self, reply: Reply | Exception, host: RemoteHost = RED) -> Deferred[Likeness]:
        """Ask a host that has to be asked, and answers so, as often as it is asked."""
        before = len(self.requests)
        likeness = self.likeness(host)
        self.assertEqual(len(self.requests), before + 1)
        while not self.answers[-1].called:
            if isinstance(reply, Exception):
                self.answers[-1].errback(reply)
            else:
                self.answers[-1].callback(reply)
        return likeness

    def asked(self, reply: Reply | Exception, host: RemoteHost = RED) -> Likeness:
        """Ask a host that answers so; give what is made of that."""
        return self.successResultOf(self.put(reply, host))

    def known(self, host: RemoteHost = RED) -> Likeness:
        """Ask a host of which it is known."""
        before = len(self.requests)
        result = self.successResultOf(self.likeness(host))
        self.assertEqual(len(self.requests), before)
        return result


class AnswerTests(AbilitiesTestCase):
    def test_exact(self) -> None:
        """The same compiler, at our own paths: that is all it takes."""
        self.assertIs(self.asked(answer(GOOD)), EXACT)
        (request,) = self.requests
        self.assertEqual(request, Request((b"twisted-distccd", b"about", b"gcc")))

    def test_more_than_we_know(self) -> None:
        """A later server may tell more."""
        self.assertIs(self.asked(answer(GOOD | {"since": "yesterday"})), EXACT)

    def test_less(self) -> None:
        """The same compiler elsewhere, another one, one that cannot be told, and another program."""
        for change, likeness in (
            ({"outputs": "all"}, Likeness.COMPLETE),
            ({"outputs": "object"}, EXACT),
            ({"outputs": "all", "preprocesses": "mapped"}, Likeness.SAME),
            ({"preprocesses": "mapped"}, Likeness.SAME),
            ({"preprocesses": "no"}, Likeness.SAME),
            ({"compiler": "00" * 32}, Likeness.OTHER),
            ({"compiler": None}, Likeness.UNKNOWN),
            ({"compiler": [DIGEST]}, Likeness.UNKNOWN),
            ({"server": "distccd"}, Likeness.UNTOLD),
            ({"toolchains": "taken"}, EXACT),
            ({"toolchains": "taken", "compiler": "00" * 32}, Likeness.BROUGHT),
            ({"toolchains": "taken", "compiler": None}, Likeness.BROUGHT),
            ({"toolchains": "taken", "compiler": None, "outputs": "all"}, Likeness.BROUGHT_COMPLETE),
            ({"toolchains": "no", "compiler": "00" * 32}, Likeness.OTHER),
        ):
            self.setUp()
            self.assertIs(self.asked(answer(GOOD | change)), likeness, change)

    def test_missing(self) -> None:
        """A host without our compiler takes it along, or says why not."""
        missing = Reply.sentence(110, "this server has no gcc")
        for told, expected in (
            ({"toolchains": "taken"}, Likeness.BROUGHT),
            ({"toolchains": "taken", "outputs": "object"}, Likeness.BROUGHT),
            ({"toolchains": "taken", "outputs": "all"}, Likeness.BROUGHT_COMPLETE),
            ({"toolchains": "no", "why": "no \x1b jail"}, "answered: this server has no gcc; no ? jail"),
            ({"toolchains": "no", "why": 7}, "answered: this server has no gcc"),
            ({}, "answered: this server has no gcc"),
        ):
            self.setUp()
            reply = replace(missing, stdout=answer({"server": SERVER, **told}).stdout)
            asked = self.put(reply)
            if isinstance(expected, Likeness):
                self.assertIs(self.successResultOf(asked), expected)
            else:
                error = self.failureResultOf(asked, RefusedByHostError).value
                self.assertEqual(error.fault, expected)

    def test_plugins(self) -> None:
        """Only a host that says so loads plugins of ours, and it takes our compiler as well."""
        both, ours = {"toolchains": "taken", "programs": "taken", "outputs": "all"}, {"server": SERVER}
        missing = replace(Reply.sentence(110, "no gcc"), stdout=answer(both | ours).stdout)
        for reply, loads in (
            (answer(GOOD | both), True),
            (answer(OTHER | both), True),
            (missing, True),
            (answer(GOOD | {"programs": "taken"}), False),
            (answer(GOOD | both | {"programs": True}), False),
            (answer(GOOD | both | {"outputs": "object"}), False),
            (answer(GOOD | {"toolchains": "taken"}), False),
            (answer(both), False),
        ):
            self.setUp()
            self.assertIs(self.loads_plugins(), False)
            self.successResultOf(self.put(reply))
            self.assertIs(self.loads_plugins(), loads)

    def loads_plugins(self) -> bool:
        asked = Deferred.fromCoroutine(self.capabilities.loads_plugins(RED, self.gcc))
        return self.successResultOf(asked)

    def test_paths(self) -> None:
        """Where the compiler is is known as far as it was told, in words."""
        there = {"path": "/usr/bin/gcc", "real_path": "/usr/bin/x86_64-linux-gnu-gcc-12"}
        for more, paths in (
            (there, Paths(*there.values())),
            ({}, None), ({"path": "/usr/bin/gcc"}, None), (there | {"real_path": None}, None),
        ):  # fmt: skip
            self.setUp()
            asked = Deferred.fromCoroutine(self.capabilities.paths(RED, self.gcc))
            self.assertIsNone(self.successResultOf(asked))
            self.assertIs(self.asked(answer(GOOD | more)), EXACT)
            found = Deferred.fromCoroutine(self.capabilities.paths(RED, self.gcc))
            self.assertEqual(self.successResultOf(found), paths)

    def test_noise(self) -> None:
        """What is no answer tells nothing, however it is made, and fails nothing."""
        whole = json.dumps(GOOD).encode()
        for noise in (
            b"", whole[:-1], whole + b"x", b"\xff\xfe", b"[" * 4000, b"1" * 4000, b"null", b"[]",
            b'"twisted-distccd"', json.dumps(GOOD | {"version": "x" * 4096}).encode(),
        ):  # fmt: skip
            self.setUp()
            self.assertIs(self.asked(Reply(0, stdout=Body.of(noise))), Likeness.UNTOLD, noise)

    def test_refused_without_understanding(self) -> None:
        """Who takes the question for a job refuses it, or compiles anything: that tells nothing."""
        for reply in (
            Reply.sentence(110, "no such compiler"),
            Reply.sentence(101, "not a compile"),
            Reply(1 << 8, stderr=Body.of(b"about: no such file")),
            Reply(0, object_file=Body.of(b"\x7fELF")),
        ):
            self.setUp()
            self.assertIs(self.asked(reply), Likeness.UNTOLD)

    def test_refused(self) -> None:
        """Who understands the question, and refuses, refuses all jobs of this compiler."""
        refusal = replace(Reply.sentence(113, "not for you"), stdout=answer({"server": SERVER}).stdout)
        error = self.failureResultOf(self.put(refusal), RefusedByHostError).value
        self.assertEqual((error.fault, error.scope), ("answered: not for you", Scope.COMPILER))

    def test_in_trouble(self) -> None:
        """A server that has other troubles has not answered, and is asked again."""
        for code in (100, 105, 107, 113, 118):
            self.failureResultOf(self.put(Reply.sentence(code, "no room")), RefusedByHostError)
        self.assertIs(self.asked(answer(GOOD)), EXACT)

    def test_who_hangs_up(self) -> None:
        """C distccd hangs up on what it does not know, which tells nothing, and is remembered."""
        for error, times in ((NoAnswerError("hung up"), 2), (BadReplyError("bad reply"), 1)):
            self.setUp()
            self.assertIs(self.asked(error), Likeness.UNTOLD)
            self.assertIs(self.known(), Likeness.UNTOLD)
            self.assertEqual(len(self.requests), times)

    def test_who_is_about_to_end(self) -> None:
        """A server of ours that hung up because it ended is not taken for C distccd."""
        likeness = self.likeness()
        self.answers[0].errback(NoAnswerError("hung up"))
        self.answers[1].errback(CannotConnectError("refused"))
        self.failureResultOf(likeness, CannotConnectError)
        self.assertIs(self.asked(answer(OTHER)), Likeness.OTHER)

    def test_bodies_are_given_up(self) -> None:
        """Of an answer that came in a file no file is left."""
        path = os.path.abspath(self.mktemp())
        with open(path, "wb") as file:
            file.write(bytes(70_000))
        self.assertIs(self.asked(Reply(0, stdout=Body(70_000, path=path))), Likeness.UNTOLD)
        self.assertFalse(os.path.exists(path))


class MemoryTests(AbilitiesTestCase):
    def test_once(self) -> None:
        """A host is asked once, and each host by itself."""
        self.assertIs(self.asked(answer(GOOD)), EXACT)
        self.assertIs(self.known(), EXACT)
        self.assertIs(self.asked(answer(OTHER), BLUE), Likeness.OTHER)
        self.assertEqual((self.known(), self.known(BLUE)), (EXACT, Likeness.OTHER))

    def test_again_after_a_while(self) -> None:
        """Servers are upgraded: either answer holds for ten minutes, and no longer."""
        for told in (GOOD, OTHER):
            self.setUp()
            likeness = self.asked(answer(told))
            self.clock.advance(HOLDS - 1)
            self.assertIs(self.known(), likeness)
            self.clock.advance(1)
            self.assertIsNot(self.asked(answer(OTHER if told is GOOD else GOOD)), likeness)

    def test_who_does_not_keep_to_an_answer(self) -> None:
        """A host is asked again when what it answered may be outdated, about that compiler alone."""
        self.asked(answer(GOOD))
        self.capabilities.forget(RED, replace(self.gcc, name="clang"))
        self.capabilities.forget(BLUE, self.gcc)
        self.assertIs(self.known(), EXACT)
        self.capabilities.forget(RED, self.gcc)
        self.assertIs(self.asked(answer(OTHER)), Likeness.OTHER)

    def test_our_compiler_changes(self) -> None:
        """What was said of the old one does not hold for the new one."""
        self.assertIs(self.asked(answer(GOOD)), EXACT)
        self.digest = "ee" * 32
        os.utime(self.gcc.path, (1, 1))
        self.assertIs(self.asked(answer(GOOD)), Likeness.OTHER)
        self.assertIs(self.known(), Likeness.OTHER)

    def test_no_digest_of_ours(self) -> None:
        """A compiler of ours that cannot be told from others is not asked about."""
        for digest in (DIGEST, None):
            self.setUp()
            self.digest = digest
            can_tell = Deferred.fromCoroutine(self.capabilities.can_tell(self.gcc))
            self.assertIs(self.successResultOf(can_tell), digest is not None)
        self.assertIs(self.known(), Likeness.UNKNOWN)

    def test_by_another_name(self) -> None:
        """A server may have another compiler by another name."""
        self.assertIs(self.asked(answer(GOOD)), EXACT)
        self.likeness(compiler=replace(self.gcc, name="gcc-12"))
        self.assertEqual(self.requests[-1].arguments[-1], b"gcc-12")

    def test_who_cannot_be_asked(self) -> None:
        """A host that fails as a host has not answered: the failure is told, and it is asked again."""
        for error in (CannotConnectError("x"), SlowHostError("x"), LostConnectionError("half")):
            exact = self.likeness()
            self.answers[-1].errback(error)
            self.failureResultOf(exact, type(error))
        self.assertIs(self.asked(answer(GOOD)), EXACT)
        self.assertEqual(len(self.requests), 4)

    def test_shared(self) -> None:
        """All who want to know at the same time share one question, though who asked it goes."""
        first, *others = (self.likeness() for _ in range(3))
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.answers[0].callback(answer(GOOD))
        self.assertEqual([self.successResultOf(one) for one in others], [EXACT, EXACT])
        self.assertEqual(len(self.requests), 1)


class HopelessTests(AbilitiesTestCase):
    """Whether it is worth the while to find files for hosts."""

    def are_hopeless(self, *hosts: RemoteHost) -> bool:
        waiting = Deferred.fromCoroutine(self.capabilities.are_hopeless(hosts, self.gcc))
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
