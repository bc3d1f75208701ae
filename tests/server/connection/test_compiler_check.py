"""The compiler of a job is compared with the server's own before anything is sent."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.content.body import Body
from twisted_distcc.errors import EXIT_ACCESS_DENIED, EXIT_COMPILER_MISSING, RemoteProtocolError
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.jobs.session_messages import SessionJob
from twisted_distcc.policy.peer import STDIO, Peer
from twisted_distcc.server.connection.compiler_check import WrongCompilerError, check_compiler

OURS = bytes(range(32))


class CompilerCheckTests(SynchronousTestCase):
    def check(
        self, reply: Reply, compiler: bytes = OURS, job: SessionJob | None = None
    ) -> Deferred[bool]:
        """Check a job, of a client with this compiler, at a server that answers questions so."""
        self.asked: list[Request] = []

        def compile(request: Request, peer: Peer) -> Deferred[Reply]:
            self.asked.append(request)
            return succeed(reply)

        job = job or SessionJob(b"/", (b"gcc", b"-c", b"a.c"), compiler, bytes(32), has_tree=False)
        return Deferred.fromCoroutine(check_compiler(compile, job, STDIO))

    def said(self, words: bytes, status: int = 0) -> Reply:
        return Reply(status, stdout=Body.of(words))

    def test_the_same(self) -> None:
        """A job goes on if the compilers are the same, or if it says nothing of its own."""
        answer = b'{"compiler": "%b"}' % OURS.hex().encode()
        self.assertFalse(self.successResultOf(self.check(self.said(answer))))
        self.assertEqual(self.asked[0].arguments, (b"twisted-distccd", b"about", b"gcc"))
        self.successResultOf(self.check(self.said(b""), compiler=b""))
        self.assertEqual(self.asked, [])

    def test_others(self) -> None:
        """It does not if they differ, and neither where the server does not know the question."""
        for answer in (b'{"compiler": "00"}', b'{"compiler": null}', b"", b"[]", b"\xff", b"[" * 4000):
            self.failureResultOf(self.check(self.said(answer)), WrongCompilerError)

    def test_refused(self) -> None:
        """What the client may not run is refused as its jobs would be."""
        refused = Reply.sentence(EXIT_ACCESS_DENIED, "not you")
        error = self.failureResultOf(self.check(refused), WrongCompilerError).value
        self.assertEqual((error.exit_code, str(error)), (EXIT_ACCESS_DENIED, "not you"))

    def test_toolchains(self) -> None:
        """A toolchain is named to the policy, whatever compiler the server has; it may say no."""
        job = SessionJob(b"/", (b"/bin/gcc", b"-c", b"a.c"), b"", bytes(32), True, toolchain=OURS)
        self.assertFalse(self.successResultOf(self.check(self.said(b'{"compiler": "00"}'), job=job)))
        [asked] = self.asked
        assert asked.tools is not None
        self.assertEqual((asked.arguments[-1], asked.tools.root), (b"/bin/gcc", OURS))
        refused = Reply.sentence(EXIT_COMPILER_MISSING, "takes none")
        error = self.failureResultOf(self.check(refused, job=job), WrongCompilerError).value
        self.assertEqual((error.exit_code, str(error)), (EXIT_COMPILER_MISSING, "takes none"))

    def test_shared(self) -> None:
        """Whether it serves others as well is what the policy says, in so many words."""
        job = SessionJob(b"/", (b"/bin/gcc", b"-c", b"a.c"), b"", bytes(32), True, toolchain=OURS)
        for said, shares in ((b'{"share": true}', True), (b'{"share": false}', False), (b"{}", False)):
            self.assertIs(self.successResultOf(self.check(self.said(said), job=job)), shares)

    def test_toolchains_for_nothing(self) -> None:
        """A toolchain comes with the files of a compile, and with nothing else."""
        for words, has_tree in (
            ((b"twisted-distccd", b"about", b"gcc"), True),
            ((b"gcc", b"-c", b"a.c"), False),
        ):
            job = SessionJob(b"/", words, b"", bytes(32), has_tree, toolchain=OURS)
            self.failureResultOf(self.check(self.said(b""), job=job), RemoteProtocolError)
            self.assertEqual(self.asked, [])
