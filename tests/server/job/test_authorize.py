"""What a policy makes of requests, as the server asks it."""

from __future__ import annotations

import os
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.content.body import EMPTY
from twisted_distcc.errors import EXIT_ACCESS_DENIED, EXIT_BAD_ARGUMENTS
from twisted_distcc.jobs.model import Request, Tools, Tree
from twisted_distcc.jobs.plain_trees import pack_tree
from twisted_distcc.policy.command_list import CommandList
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.reading import parse_policy
from twisted_distcc.policy.rules import UNRULED, Decision, Terms, Wish
from twisted_distcc.policy.verdict import ALLOWED, Refused
from twisted_distcc.server.job.authorize import Judge, Judged
from twisted_distcc.toolchain.finding import Compilers

POLICY = """
[[rule]]
name = "cross"
who = ["tls:alice"]
compilers = ["the-real-one"]
verdict = "refuse"
[[rule]]
name = "alice"
who = ["tls:alice"]
verdict = "allow"
slots = 3
"""


class PolicyTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = os.path.abspath(self.mktemp())
        os.mkdir(self.folder)
        for name in ("gcc", "the-real-one"):
            with open(os.path.join(self.folder, name), "x") as file:
                os.fchmod(file.fileno(), 0o755)
        os.symlink("the-real-one", os.path.join(self.folder, "clang"))
        self.asked: list[Wish] = []
        self.policy = parse_policy(POLICY, "p")

    def decide(self, peer: Peer, wish: Wish) -> Decision:
        self.asked.append(wish)
        return self.policy.decide(peer, wish)

    def judged(
        self,
        *words: str,
        who: str = "tls:alice",
        tree: Tree | None = None,
        confined: bool = False,
    ) -> Judged | Refused:
        request = Request(tuple(map(os.fsencode, words)), EMPTY, tree=tree)
        return Judge(Compilers((self.folder,)), self.decide, confined)(request, Peer(who))

    def test_allowed(self) -> None:
        """What a rule allows goes on, on its terms."""
        judged = self.judged("gcc", "-c", "x.c")
        assert isinstance(judged, Judged)
        self.assertEqual(judged.decision.terms, Terms(slots=3))
        self.assertEqual(judged.decision.verdict, ALLOWED)

    def test_refused(self) -> None:
        """What no rule allows is refused, and every rule says why it was not it."""
        judged = self.judged("gcc", "-c", "x.c", who="tls:bob")
        assert isinstance(judged, Refused)
        self.assertEqual((judged.exit_code, len(judged.trace)), (EXIT_ACCESS_DENIED, 2))

    def test_behind_a_link(self) -> None:
        """A rule about a compiler holds for links to it too."""
        judged = self.judged("clang", "-c", "x.c")
        assert isinstance(judged, Refused)
        self.assertIn("'cross'", str(judged))

    def test_what_cannot_be_run_is_no_matter_of_rules(self) -> None:
        """Options that nobody may use are refused before anybody's rule is asked."""
        judged = self.judged("gcc", "-fplugin=x.so", "-c", "x.c")
        assert isinstance(judged, Refused)
        self.assertEqual((judged.exit_code, self.asked), (EXIT_BAD_ARGUMENTS, []))

    def test_with_files(self) -> None:
        """A command that brings files may say in which environment; without files `env` is a program."""
        words = ("env", "LC_ALL=C", "gcc", "-MD", "-Ix", "-D", "Y", "-O2", "-c", "x.c", "-lm")
        judged = self.judged(*words, who="tls:alice", tree=pack_tree(b"/p", {}))
        assert isinstance(judged, Judged)
        self.assertEqual(judged.environ, {"LC_ALL": "C"})
        self.assertIsNotNone(judged.compilation.dependencies)
        seen = [option.typed for option in self.asked[-1].options]
        self.assertEqual(seen, ["-MD", "-Ix", "-D Y", "-O2", "-lm"])
        self.assertIsInstance(self.judged(*words), Refused)

    def test_rules_for_the_driver(self) -> None:
        """Only a sandbox is safe from rules that can have anything run, which come with files."""
        words, tree = ("gcc", "-specs=/p/x", "-c", "x.c"), pack_tree(b"/p", {})
        self.assertIsInstance(self.judged(*words, tree=tree, confined=True), Judged)
        for refused in (
            self.judged(*words, tree=tree),
            self.judged(*words, confined=True),
            self.judged("gcc", "-specs=/dev/zero", "-c", "x.c", tree=tree, confined=True),
        ):
            assert isinstance(refused, Refused)
            self.assertEqual(refused.exit_code, EXIT_BAD_ARGUMENTS)

    def test_bad_ones_with_files(self) -> None:
        """What no server takes is refused before anything is laid out."""
        for words in (
            ("env",), ("env", "LC_ALL=C"), ("env", "LD_PRELOAD=x", "gcc", "-c", "x.c"),
            ("gcc", "-include", "/dev/stdin", "-c", "x.c"), ("gcc", "-I@x", "-c", "x.c"),
        ):  # fmt: skip
            self.assertIsInstance(self.judged(*words, tree=pack_tree(b"/p", {})), Refused, str(words))

    def test_no_policy(self) -> None:
        """Without one, who may connect may compile."""
        judged = Judge(Compilers((self.folder,)))(Request((b"gcc", b"-c", b"x.c"), EMPTY), Peer("x"))
        assert isinstance(judged, Judged)
        self.assertEqual(judged.decision, UNRULED)


class ToolchainTests(SynchronousTestCase):
    """Commands with a toolchain that is yet to come."""

    def judged(
        self,
        *words: str,
        who: str = "tls:alice",
        commands: CommandList | None = None,
        takes: bool = True,
        toolchains: tuple[str, ...] | None = None,
        programs: bool = False,
    ) -> Judged | Refused:
        decision = Decision(ALLOWED, terms=Terms(toolchains=toolchains, programs=programs))
        judge = Judge(Compilers((), commands), lambda *_: decision, True, takes)
        request = Request(tuple(map(os.fsencode, words)), tools=Tools(bytes(32)))
        return judge(request, Peer(who))

    def why(self, *words: str, **how: Any) -> str:
        """Return why these words are refused."""
        judged = self.judged(*words, **how)
        assert isinstance(judged, Refused), judged
        return str(judged)

    def test_allowed(self) -> None:
        """The compiler is none of the server's, and its environment is the client's."""
        judged = self.judged("env", "PATH=/opt/bin", "LC_ALL=C", "/opt/bin/gcc", "-c", "w.c")
        assert isinstance(judged, Judged)
        self.assertEqual(judged.compiler, "/opt/bin/gcc")
        self.assertEqual(judged.environ, {"PATH": "/opt/bin", "LC_ALL": "C"})
        self.assertEqual(judged.tools, "00" * 32)

    def test_refused(self) -> None:
        """No jail, no name, no rule, no compiler, or another variable: each has its own words."""
        words = ("/opt/bin/gcc", "-c", "w.c")
        self.assertIn("it has no jail", self.why(*words, takes=False))
        self.assertIn("is no certificate and no login", self.why(*words, who="tcp:192.0.2.1"))
        self.assertIn("does not list 0000", self.why(*words, toolchains=("11" * 32,)))
        self.assertIn("not on this server's list", self.why(*words, commands=CommandList(("cc",), 1)))
        for name in ("/bin/sh", "/a\n/gcc", ""):
            self.assertIn("is not a compiler that this server knows", self.why(name, "-c", "w.c"))
        self.assertIn("is not for a server to set", self.why("env", "LD_PRELOAD=/x", *words))

    def test_plugins(self) -> None:
        """The compiler that comes along loads code where a rule says so, and a toolchain may come."""
        words = ("/opt/bin/gcc", "-fplugin=/p.so", "-fplugin-arg-p-all", "-c", "w.c")
        self.assertIsInstance(self.judged(*words, programs=True), Judged)
        self.assertIn("programs = true", self.why(*words))
        self.assertIn("programs = true", self.why("/opt/bin/gcc", "-fplugin-arg-p-all", "-c", "w.c"))
        self.assertIn("it has no jail", self.why(*words, programs=True, takes=False))
        self.assertIn("does not list 0000", self.why(*words, programs=True, toolchains=("11" * 32,)))
        self.assertIn("-wrapper", self.why(*words, "-wrapper", "/x", programs=True))
        self.assertIn("-B", self.why(*words, "-B/x", programs=True))

    def test_without_a_toolchain(self) -> None:
        """Without one, no client sets what decides which programs run."""
        judge = Judge(Compilers(("/usr/bin",)), confined=True, takes_toolchains=True)
        request = Request((b"env", b"PATH=/x", b"gcc", b"-c", b"w.c"), tree=Tree(b"/", ()))
        judged = judge(request, Peer("stdio"))
        self.assertIn("PATH=/x is not for a server to set", str(judged))
