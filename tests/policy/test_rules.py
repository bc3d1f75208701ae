"""What rules decide, and how the decision explains itself."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.errors import EXIT_ACCESS_DENIED
from twisted_distcc.policy.peer import STDIO, Peer, tcp_peer
from twisted_distcc.policy.rules import (
    PLAIN,
    Decision,
    Policy,
    Rule,
    Terms,
    Wish,
    allow_users,
    decide_without_rules,
)
from twisted_distcc.policy.verdict import ALLOWED, Refused

ALICE = Peer("tls:alice", ip_address("10.1.2.3"))
GCC = ("/usr/bin/gcc", "/usr/bin/x86_64-linux-gnu-gcc-12")


def wish(*options: str, compilers: tuple[str, ...] = GCC) -> Wish:
    compilation = parse(["gcc", *options, "-c", "hello.c", "-o", "hello.o"], arrived=True)
    assert isinstance(compilation, Compilation), compilation
    return Wish.of(compilers, compilation)


class ConditionTests(SynchronousTestCase):
    def obstacles(self, rule: Rule, peer: Peer = ALICE, words: tuple[str, ...] = ()) -> list[str]:
        return list(rule.obstacles(peer, wish(*words)))

    def test_who(self) -> None:
        """A rule is for the identities that one of its patterns matches."""
        for who, expected in ((("tls:bob", "tls:al*"), []), (("tls:bob", "ssh:*"), [
            "tls:alice is not tls:bob or ssh:*"
        ])):  # fmt: skip
            self.assertEqual(self.obstacles(Rule("r", who, allow=True)), expected)

    def test_from(self) -> None:
        """Networks are about the peer's address; whoever has none is in none of them."""
        rule = Rule("r", ("*",), allow=True, networks=(ip_network("10.0.0.0/8"), ip_network("::/0")))
        self.assertEqual(self.obstacles(rule), [])
        self.assertEqual(self.obstacles(rule, tcp_peer("2001:db8::1", 1)), [])
        self.assertEqual(
            self.obstacles(rule, tcp_peer("192.0.2.1", 1)),
            ["its address (192.0.2.1) is not in 10.0.0.0/8 or ::/0"],
        )
        self.assertEqual(
            self.obstacles(rule, STDIO), ["its address (it has none) is not in 10.0.0.0/8 or ::/0"]
        )

    def test_compilers(self) -> None:
        """A pattern with a slash is about paths, one without about names, before and behind links."""
        for pattern, expected in (
            ("gcc", True),
            ("*gcc-12", True),
            ("/usr/bin/gcc", True),
            ("/usr/bin/*", True),
            ("x86_64-*", True),
            ("g++", False),
            ("/opt/*", False),
            ("/gcc", False),
            ("usr*", False),
        ):
            obstacles = self.obstacles(Rule("r", ("*",), allow=True, compilers=(pattern,)))
            self.assertEqual(not obstacles, expected, pattern)
            if obstacles:
                self.assertEqual(obstacles, [f"the compiler /usr/bin/gcc is not {pattern}"])

    def test_options(self) -> None:
        """Any one option of the command is enough, however its argument is joined to it."""
        for pattern, words, expected in (
            ("-flto*", ("-O2", "-flto=auto"), True),
            ("-flto*", ("-O2",), False),
            ("-flto*", (), False),
            ("-DX=*", ("-DX=1",), True),
            ("-DX=*", ("-D", "X=1"), True),
            ("-D", ("-D", "X=1"), True),
            ("-D X*", ("-D", "X=1"), True),
            ("-x c*", ("-x", "c++"), True),
        ):
            rule = Rule("r", ("*",), allow=False, options=(pattern,))
            found = self.obstacles(rule, words=words)
            self.assertEqual(found, [] if expected else [f"no option is {pattern}"], (pattern, words))

    def test_spellings(self) -> None:
        """A rule about an option holds for all of its spellings, whichever of them the rule has."""
        for alike, passed_on in (
            (("-std=c11", "--std=c11", "--std c11"), ()),
            (("-target x86_64-linux-gnu", "--target=x86_64-linux-gnu"), ()),
            (("-Wpedantic", "-pedantic", "--pedantic"), ()),
            (("-traditional-cpp", "--traditional-cpp"), ()),
            (("-Ix", "-I x", "--include-directory=x", "--include-directory x"), ("-Wp,-Ix",)),
            (("-DX=1", "-D X=1", "--define-macro=X=1"), ("-Wp,-DY,-DX=1", "-Xpreprocessor -DX=1")),
            (("-x c", "-xc", "--language=c"), ()),
            (("-resource-dir x", "-resource-dir=x"), ()),
            (("-mllvm -inline-threshold=1", "-mllvm=-inline-threshold=1"), ()),
            (("--param a=1", "--param=a=1"), ()),
            (("-fexceptions", "-fhandle-exceptions"), ()),
            (("-Wa,-L", "-Xassembler -L", "-Wa,--keep-locals"), ("-Wa,-W,--keep-locals",)),
            (("-Wa,--defsym,X=1", "-Wa,--defsym=X=1"), ("-Wa,-W,--defsym,X=1",)),
            (("-Wa,--defsym=X=1", "-Xassembler --defsym=X=1"), ()),
            (("-Wp,-DX=1", "-Xpreprocessor -DX=1", "-Wp,--define-macro=X=1"), ("-Wp,-DY,-DX=1",)),
            (("-MD -MF x", "-MD -MFx"), ("-Wp,-MD,x",)),
            (("-MMD", "--write-user-dependencies"), ("-Wp,-MMD,x",)),
            (("-Wl,-z,now", "-z now"), ("-Xlinker -z -Xlinker now", "-Wl,-s,-z,now")),
            (("-Wl,-z,now", "-z now"), ("-Wl,-s -Wl,-z -Wl,now",)),
            (("-Wl,--x", "-Xlinker --x"), ("-Wl,-s,--x",)),
            (("-rtlib=x", "--rtlib=x"), ()),
        ):
            for ruled in alike:
                rule = Rule("r", ("*",), allow=False, options=(ruled.removeprefix("-MD "),))
                for typed in (*alike, *passed_on):
                    found = self.obstacles(rule, words=tuple(typed.split()))
                    self.assertEqual(found, [], (ruled, typed))

    def test_files_make_no_difference(self) -> None:
        """What a rule says of a command is the same whether or not the client's files come with it."""
        words = ("gcc", "-Wl,-z,now", "-Wp,-DX", "-Ix", "-MD", "-MF", "y", "-lm", "-O2", "-c", "a.c")
        for pattern in ("-Wl,*", "-Wp,*", "-I*", "-MD", "-MF*", "-l*", "-Wl,-z*", "-DX", "-O*"):
            for with_files in (False, True):
                compilation = parse(words, arrived=True, with_files=with_files)
                assert isinstance(compilation, Compilation)
                refusing = Rule("r", ("*",), allow=False, options=(pattern,))
                self.assertEqual(list(refusing.obstacles(ALICE, Wish.of(GCC, compilation))), [], pattern)
                needed = ("-Wl,-z,now", "-I*", "-D*", "-l*", "-O*")
                for missing in needed:
                    rest = tuple(one for one in needed if one != missing)
                    rule = Rule("r", ("*",), allow=True, only_options=rest)
                    (obstacle,) = rule.obstacles(ALICE, Wish.of(GCC, compilation))
                    self.assertIn("is not", obstacle)
                everything = Rule("r", ("*",), allow=True, only_options=needed)
                self.assertEqual(list(everything.obstacles(ALICE, Wish.of(GCC, compilation))), [])

    def test_only_options(self) -> None:
        """Each option has to be one of them; -c, -o, -x and the files are on every job."""
        rule = Rule("r", ("*",), allow=True, only_options=("-O*", "-g"))
        for words, stray in (
            ((), None),
            (("-O2", "-g"), None),
            (("-O2", "-g3"), "-g3"),
            (("-I", "x"), "-I x"),
            (("-x", "cpp-output"), None),
            (("-xcpp-output", "-g3"), "-g3"),
        ):
            expected = [] if stray is None else [f"the option {stray} is not -O* or -g"]
            self.assertEqual(self.obstacles(rule, words=words), expected)

    def test_long_options_are_cut(self) -> None:
        """A reason repeats no more of an option than a person reads."""
        rule = Rule("r", ("*",), allow=True, only_options=("-g",))
        (obstacle,) = self.obstacles(rule, words=("-D" + "x" * 10_000,))
        self.assertLess(len(obstacle), 100)

    def test_all_that_fail_are_told(self) -> None:
        """Of several conditions each one that fails is a reason of its own."""
        rule = Rule("r", ("ssh:*",), allow=True, compilers=("clang",), options=("-g",))
        self.assertEqual(len(self.obstacles(rule)), 3)


class DecisionTests(SynchronousTestCase):
    first = Rule("first", ("tls:*",), allow=False, options=("-g*",), reason="no room for it")
    second = Rule("second", ("tls:alice",), allow=True, terms=Terms(4, 10, share=True))
    third = Rule("third", ("*",), allow=False)

    def decide(self, *words: str, peer: Peer = ALICE) -> Decision:
        return Policy((self.first, self.second, self.third)).decide(peer, wish(*words))

    def test_the_first_that_matches_decides(self) -> None:
        """Rules are tried in order; what comes after the one that matches is not asked."""
        decision = self.decide("-O2")
        self.assertEqual((decision.verdict, decision.terms), (ALLOWED, Terms(4, 10, share=True)))
        self.assertEqual(
            decision.reasons,
            ("rule 'first' does not match: no option is -g*", "rule 'second' allows it"),
        )

    def test_a_refusal(self) -> None:
        """It is one sentence for the client, with the administrator's reason, and its trace for logs."""
        verdict = self.decide("-ggdb").verdict
        self.assertEqual(
            verdict,
            Refused(
                ("this server's rule 'first' refuses it: no room for it",),
                EXIT_ACCESS_DENIED,
                ("rule 'first' refuses it: no room for it",),
            ),
        )

    def test_a_refusal_without_a_reason(self) -> None:
        """Then the rule's name has to do."""
        self.assertEqual(str(self.decide(peer=STDIO).verdict), "this server's rule 'third' refuses it")

    def test_no_rule(self) -> None:
        """What no rule is about is refused, and the trace says of each rule why it was not it."""
        decision = Policy((self.first, self.second)).decide(STDIO, wish())
        assert isinstance(decision.verdict, Refused)
        self.assertIn("no rule of this server allows it to stdio", str(decision.verdict))
        self.assertEqual(decision.verdict.exit_code, EXIT_ACCESS_DENIED)
        self.assertEqual(len(decision.reasons), 2)
        self.assertEqual(decision.verdict.trace, decision.reasons)
        self.assertEqual(decision.terms, PLAIN)


class AllowUserTests(SynchronousTestCase):
    def allowed(self, identity: str, *names: str) -> bool:
        return allow_users(names).decide(Peer(identity), wish()).verdict == ALLOWED

    def test_names(self) -> None:
        """Certificates of these names are served, and no others."""
        self.assertTrue(self.allowed("tls:alice", "alice", "bob"))
        self.assertFalse(self.allowed("tls:mallory", "alice", "bob"))
        self.assertFalse(self.allowed("tls:alice.example", "alice"))

    def test_reason(self) -> None:
        """Who is refused has a certificate, and is told that its name is missing."""
        decision = allow_users(("alice",)).decide(Peer("tls:mallory"), wish())
        self.assertEqual(
            str(decision.trace[-1]),
            "rule 'certificates not listed' refuses it: certificate name not in --allow-user",
        )

    def test_every_certificate(self) -> None:
        """An asterisk is any name."""
        self.assertTrue(self.allowed("tls:mallory", "*"))

    def test_who_has_no_certificate(self) -> None:
        """Peers that something else let in stay let in."""
        for identity in ("tcp:192.0.2.1", "stdio", "ssh:alice", "uid:1000"):
            self.assertTrue(self.allowed(identity, "alice"))


class WithoutRulesTests(SynchronousTestCase):
    def test_who_was_let_in(self) -> None:
        """Addresses, logins and users of this machine may have everything, on plain terms."""
        for identity in ("tcp:192.0.2.1", "stdio", "ssh:alice", "uid:1000"):
            self.assertEqual(decide_without_rules(Peer(identity), wish()), Decision(ALLOWED))

    def test_certificates(self) -> None:
        """A certificate says who somebody is; that it may be served, an option has to say."""
        verdict = decide_without_rules(ALICE, wish()).verdict
        assert isinstance(verdict, Refused)
        self.assertEqual(verdict.exit_code, EXIT_ACCESS_DENIED)
        self.assertIn("--allow-user or --policy", str(verdict))
