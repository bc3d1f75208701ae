"""`twisted-distcc doctor`: its answers, sentence by sentence, and its exit status."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cli.twisted_distcc import main
from twisted_distcc.errors import EXIT_ACCESS_DENIED, EXIT_BAD_ARGUMENTS

POLICY = """
[[rule]]
name = "nightly"
who = ["tls:nightly"]
from = ["10.0.0.0/8"]
verdict = "allow"
slots = 1
priority = -10

[[rule]]
name = "no LTO"
who = ["*"]
options = ["-flto*"]
verdict = "refuse"
reason = "it takes too long"

[[rule]]
name = "developers"
who = ["tls:*", "tcp:[2001:db8::1]"]
verdict = "allow"
share = true
"""


PAGE = Path(__file__).parents[3] / "doc" / "policy.md"


class DoctorTestCase(SynchronousTestCase):
    """A folder with a policy and compilers, which is all there is of a PATH."""

    def setUp(self) -> None:
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        self.policy = folder / "policy.toml"
        self.policy.write_text(POLICY)
        self.gcc = folder / "gcc"
        for name in ("gcc", "g++-12"):
            (folder / name).touch(0o755)
        self.patch(os, "environ", {"PATH": str(folder)})

    def ask(self, *words: str) -> tuple[int, list[str], str]:
        """Give the exit status, the lines of standard output, and standard error."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(["doctor", "--policy", str(self.policy), *words])
        return status, out.getvalue().splitlines(), err.getvalue()


class DoctorTests(DoctorTestCase):
    def assert_says(self, words: tuple[str, ...], status: int, *lines: str) -> None:
        said = self.ask(*words)
        fine = f"{self.policy}: 3 rules, no errors"
        self.assertEqual(said, (status, [fine, *lines], ""))

    def test_a_good_file(self) -> None:
        """A policy that can be meant is said to be one."""
        self.assert_says((), 0)

    def test_a_bad_file(self) -> None:
        """One that cannot is explained on standard error, with the status for bad arguments."""
        self.policy.write_text(POLICY.replace("slots = 1", "slots = 0"))
        status, out, err = self.ask("--as", "tls:alice", "--", "gcc", "-c", "x.c")
        self.assertEqual((status, out), (EXIT_BAD_ARGUMENTS, []))
        self.assertIn(f"{self.policy}: rule 'nightly': key 'slots'", err)

    def test_allowed(self) -> None:
        """Each rule says why it was not the one, up to the one that is; then come the terms."""
        self.assert_says(
            ("--as", "tls:alice", "--from", "192.0.2.1", "--", "gcc", "-O2", "-c", "a b.c"),
            0,
            "tls:alice at 192.0.2.1 asks for: gcc -O2 -c 'a b.c'",
            f"  compiler: {self.gcc}",
            "  rule 'nightly' does not match: tls:alice is not tls:nightly; "
            "its address (192.0.2.1) is not in 10.0.0.0/8",
            "  rule 'no LTO' does not match: no option is -flto*",
            "  rule 'developers' allows it",
            "allowed: all slots, priority 0, results may be shared",
        )

    def test_rules_that_are_not_asked(self) -> None:
        """What comes after the rule that decides is said to be of no matter."""
        self.assert_says(
            ("--as=tls:nightly", "--from=::ffff:10.1.2.3", "--", "gcc", "-c", "x.c"),
            0,
            "tls:nightly at 10.1.2.3 asks for: gcc -c x.c",
            f"  compiler: {self.gcc}",
            "  rule 'nightly' allows it",
            "  rule 'no LTO' is not evaluated",
            "  rule 'developers' is not evaluated",
            "allowed: 1 slot, priority -10, results may not be shared",
        )

    def refusals(self, *words: str) -> list[str]:
        status, out, err = self.ask(*words)
        self.assertEqual((status, err), (EXIT_ACCESS_DENIED, ""))
        self.assertTrue(out[-1].startswith("refused: "), out)
        return out[-1].removeprefix("refused: ").split("; ")

    def test_refused(self) -> None:
        """A rule that refuses, or none at all, is what the client would read."""
        self.assertEqual(
            self.refusals("--as", "tls:alice", "--", "gcc", "-flto", "-c", "x.c"),
            ["this server's rule 'no LTO' refuses it: it takes too long"],
        )
        (refusal,) = self.refusals("--as", "ssh:bob", "--", "gcc", "-c", "x.c")
        self.assertIn("no rule of this server allows it to ssh:bob", refusal)

    def test_refused_by_the_server_itself(self) -> None:
        """Options that never travel, and compilers that are missing, are refused before any rule."""
        for words, part in (
            (("gcc", "-fplugin=x.so", "-c", "x.c"), "-fplugin=x.so"),
            (("clang", "-c", "x.c"), "no clang"),
            (("gcc",), "neither -c nor -S"),
        ):
            status, out, err = self.ask("--as", "tls:alice", "--", *words)
            self.assertEqual((status, len(out), err), (EXIT_ACCESS_DENIED, 3, ""), out)
            self.assertIn(part, out[-1])

    def test_the_list_of_commands(self) -> None:
        """The list that `DISTCC_CMDLIST` names decides which compilers there are, as for a server."""
        commands = self.gcc.with_name("commands")
        commands.write_text(f"{self.gcc.with_name('g++-12')}\n")
        os.environ["DISTCC_CMDLIST"] = str(commands)
        (refusal,) = self.refusals("--as", "tls:alice", "--", "gcc", "-c", "x.c")
        self.assertIn("not on this server's list of commands", refusal)
        status, _, _ = self.ask("--as", "tls:alice", "--", "g++-12", "-c", "x.cc")
        self.assertEqual(status, 0)
        commands.unlink()
        status, _, err = self.ask("--as", "tls:alice", "--", "g++-12", "-c", "x.cc")
        self.assertEqual((status, str(commands) in err), (EXIT_BAD_ARGUMENTS, True), err)

    def test_commands_that_only_come_with_their_headers(self) -> None:
        """Where a server answers text and files differently, both answers are given."""
        command = ("env", "SOURCE_DATE_EPOCH=1", "gcc", "-c", "x.c")
        status, out, _ = self.ask("--as", "tls:alice", "--", *command)
        self.assertEqual((status, out[2]), (0, "sent as preprocessed text:"))
        self.assertIn("refused: env is not a compiler", out[3])
        self.assertEqual(out[4], "sent with its headers, to be preprocessed here:")
        self.assertEqual(out[5], f"  compiler: {self.gcc}")
        self.assertTrue(out[-1].startswith("allowed: "), out)

    def test_compilers_are_asked_about_by_their_paths(self) -> None:
        """What a name stands for on this machine is what rules about compilers see."""
        self.policy.write_text(POLICY.replace("options = [", "compilers = [").replace("-flto*", "/x/*"))
        _, out, _ = self.ask("--as", "tls:alice", "--", "gcc", "-c", "x.c")
        self.assertIn(f"  rule 'no LTO' does not match: the compiler {self.gcc} is not /x/*", out)

    def test_an_address_is_an_identity(self) -> None:
        """Of a peer over TCP the address need not be said twice."""
        for identity in ("tcp:[2001:db8::1]", "tcp:192.0.2.1"):
            _, out, _ = self.ask("--as", identity, "--", "gcc", "-c", "x.c")
            address = identity.removeprefix("tcp:").strip("[]")
            self.assertEqual(out[1], f"{identity} at {address} asks for: gcc -c x.c")

    def test_questions_that_cannot_be_meant(self) -> None:
        """Half a question, or an identity that is none, is refused with what to write."""
        for words, part in (
            (("--as", "tls:alice"), "after --"),
            (("--as", "tls:alice", "--"), "after --"),
            (("--", "gcc", "-c", "x.c"), "--as IDENTITY"),
            (("--from", "192.0.2.1"), "--as IDENTITY"),
            (("--as", "alice", "--", "gcc"), "--as alice"),
            (("--as", "tls:*", "--", "gcc"), "--as tls:*"),
            (("--as", "tls:alice", "--from", "home", "--", "gcc"), "home is not an address"),
            (("--as", "tcp:home", "--", "gcc"), "home is not an address"),
        ):
            status, _, err = self.ask(*words)
            self.assertEqual(status, EXIT_BAD_ARGUMENTS)
            self.assertIn(part, err)


class PageTests(DoctorTestCase):
    """What doc/policy.md shows is so."""

    def test_explanation(self) -> None:
        """The rules of the page can be meant, and the doctor says of them what stands there."""
        rules, command, answer = _shown(PAGE.read_text())
        self.policy.write_text(rules)
        words = shlex.split(command)
        _, out, err = self.ask(*words[words.index("--as") :])
        shown = "\n".join(out).replace(f"{self.policy.parent}/policy", "policy")
        self.assertEqual(shown.replace(str(self.policy.parent), "/usr/bin"), answer)
        self.assertEqual(err, "")

    def test_account(self) -> None:
        """The account on the page is one, and has no key that the page does not explain."""
        (account,) = re.findall(r"```json\n(.*)\n```", PAGE.read_text())
        explained = set(re.findall(r"`(\w+)`", PAGE.read_text().partition("| Key | Meaning |\n")[2]))
        self.assertEqual(set(json.loads(account)) - explained, set())


def _shown(page: str) -> tuple[str, str, str]:
    """Give the first rules, a command of the doctor, and its answer."""
    rules, *_ = re.findall(r"(?s)```toml\n(.*?)```", page)
    ((command, answer),) = re.findall(r"(?s)```console\n\$ (.*?)\n(.*?)\n```", page)
    return rules, command, answer
