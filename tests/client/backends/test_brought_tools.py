"""Requests that bring our compiler along: what is sent of it, and which compiles do not take it."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.backends.brought_tools import BroughtTools
from twisted_distcc.client.backends.host_faults import AnotherCompilerError, LackingHostError
from twisted_distcc.client.inputs.local_toolchains import LocalCompiler
from twisted_distcc.client.inputs.travelling_toolchains import TravellingToolchains
from twisted_distcc.cmdline.compilation import Language
from twisted_distcc.content.body import Body
from twisted_distcc.jobs.model import Request, Tree
from twisted_distcc.toolchain.travelling_tree import ToolFile, TravellingTree

PROGRAM = b"\x7fELF"


class FakeBroughtTools(BroughtTools):
    """Brings what a test has."""

    def __init__(self, tree: TravellingTree | None) -> None:
        super().__init__()
        self._fake = TravellingToolchains(Clock(), lambda work: succeed(work()), lambda *_: tree)

    def toolchains(self, reactor: object) -> TravellingToolchains:
        return self._fake


class BroughtToolTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = os.path.abspath(self.mktemp())
        Path(self.path).write_bytes(PROGRAM)
        file = ToolFile(self.path, sha256(PROGRAM).digest(), len(PROGRAM))
        self.tree = TravellingTree((), (file,), (("/bin/cc", "gcc"),), ())
        self.gcc = LocalCompiler("/bin/cc", "gcc", (("PATH", "/bin"), ("HOME", "/home")))

    def request(self, request: Request, tree: TravellingTree | None) -> Deferred[Request]:
        made = FakeBroughtTools(tree).request(request, self.gcc, "0d", Language.C, (), Clock())
        return Deferred.fromCoroutine(made)

    def test_request(self) -> None:
        """The compiler is called by its path, in our environment, which the command may change."""
        words = (b"env", b"LC_ALL=C", b"HOME=/", b"gcc", b"-c", b"w.c")
        made = self.successResultOf(self.request(Request(words, tree=Tree(b"/w", ())), self.tree))
        expected = (b"env", b"PATH=/bin", b"HOME=/", b"LC_ALL=C", b"/bin/cc", b"-c", b"w.c")
        self.assertEqual(made.arguments, expected)
        assert made.tools is not None
        self.assertIn(made.tools.root, made.tools.blobs)
        blob = made.tools.blobs[sha256(PROGRAM).digest()]
        assert isinstance(blob, Body)
        self.assertEqual(blob.read(), PROGRAM)

    def test_not_brought(self) -> None:
        """Text takes no compiler along, and neither a script nor what is too large is brought."""
        tree = Request((b"gcc",), tree=Tree(b"/w", ()))
        self.failureResultOf(self.request(Request((b"gcc",)), self.tree), LackingHostError)
        self.failureResultOf(self.request(tree, None), AnotherCompilerError)
        large = TravellingTree((ToolFile("/x", bytes(32), 1 << 30),), (), (), ())
        self.failureResultOf(self.request(tree, large), AnotherCompilerError)
