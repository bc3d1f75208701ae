"""Servers whose words would make a terminal do something, whatever its character set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.client.in_memory import OBJECT, DispatchTestCase, FakeServer
from tests.client.test_dispatch_trees import TreeTestCase
from twisted_distcc.client.backends.host_faults import RefusedByHostError
from twisted_distcc.client.journal.unit_watch import UnitWatch
from twisted_distcc.client.report import Reminders, make_report
from twisted_distcc.client.terminal import is_shown_whole, shown
from twisted_distcc.content.body import Body
from twisted_distcc.jobs.model import Reply

# Clears the screen where 0x9b, by itself or as the second byte of a letter, is obeyed.
CLEAR: Final = b"\x9b2J"
IN_A_LETTER: Final = "\N{LATIN CAPITAL LETTER U WITH CIRCUMFLEX}2J".encode()
C1: Final = frozenset(range(0x80, 0xA0))
UTF_8, LATIN_1 = {"LC_ALL": "de_DE.UTF-8"}, {"LC_ALL": "de_DE.ISO-8859-1"}
LEADS: Final = [bytes([one]) for one in range(0x80, 0x100)]


def as_utf_8(told: bytes) -> set[int]:
    """Return the characters that a terminal finds that reads UTF-8, each bad byte for itself."""
    characters = map(ord, told.decode(errors="surrogateescape"))
    return {one & 0xFF if 0xDC80 <= one <= 0xDCFF else one for one in characters}


class CharacterTests(SynchronousTestCase):
    def test_single_bytes(self) -> None:
        """No byte of the C1 set passes where it would stand for itself."""
        for byte in C1:
            for before in (b"", b"a", b"\xc1", b"\xe2", b"\xf0\x9f", b"\xff"):
                said = before + bytes([byte]) + b"2J"
                for utf_8 in (True, False):
                    self.assertEqual(C1 & as_utf_8(shown(said, utf_8=utf_8)), set(), said)

    def test_letters(self) -> None:
        """Letters of several bytes pass for those who read them, and for nobody who would obey them."""
        for letter in "\u00a0\u00c0\u00db\u07c0\u0800\u2018\ud7c0\uffdb\U00010000\U0001f6db\U0010ffff":
            said = letter.encode()
            self.assertEqual(shown(said, utf_8=True), said)
            self.assertEqual(C1 & set(shown(said, utf_8=False)), set())

    def test_what_is_no_letter(self) -> None:
        """Surrogates, overlong forms and what lies beyond Unicode are no letters."""
        for said in (
            b"\xc0\x9b",
            b"\xe0\x80\x9b",
            b"\xed\xa0\x80",
            b"\xf0\x80\x82\x9b",
            b"\xf4\x90\x80\x80",
        ):
            self.assertNotEqual(shown(said, utf_8=True), said)

    @given(
        st.lists(st.one_of(st.sampled_from(LEADS), st.text(max_size=2).map(str.encode))), st.booleans()
    )
    @example([b"\xc2", b"\x9b"], True)
    def test_anything(self, said: list[bytes], utf_8: bool) -> None:
        """What is shown is as harmless as its characters, and shown again the same."""
        told = shown(b"".join(said), utf_8=utf_8)
        characters = as_utf_8(told) if utf_8 else set(told)
        self.assertEqual((C1 | {0x07, 0x08, 0x7F}) & characters, set(), told)
        self.assertEqual(shown(told, utf_8=utf_8), told)
        self.assertEqual(is_shown_whole(b"".join(said), utf_8=utf_8), told == b"".join(said))

    def test_long_messages(self) -> None:
        """Megabytes are looked through in time that grows with them, or this test would not end."""
        for piece in (b"\xc3\xa9", b"\xe2", b"\x1b[", b"\x1b]8;;https://gcc.gnu.org/a", b"\r", b"a\xc2"):
            is_shown_whole(piece * (4_000_000 // len(piece)) + b"\x9b", utf_8=True)


class ReportTests(SynchronousTestCase):
    """Lines of ours that quote servers."""

    def told(self, environ: dict[str, str], write: Callable[[bytes], None]) -> None:
        refused = Reply.sentence(101, "").stderr.read()
        reply = Reply(101 << 8, stderr=Body.of(b"no " + CLEAR + IN_A_LETTER + refused))
        report = make_report(environ, write, Reminders(lambda: 0.0), UnitWatch())
        report.warn(f"red {RefusedByHostError.of(reply).fault}")
        report.warn("certificate of \x1b]0;evil\x07\udc9b2J\u009b")

    def test_refusals(self) -> None:
        """No sentence of a server's has anything that a terminal of the caller's would obey."""
        for environ, is_obeyed in ((UTF_8, as_utf_8), (LATIN_1, set), ({}, set)):
            lines: list[bytes] = []
            self.told(environ, lines.append)
            for line in lines:
                self.assertEqual((C1 | {0x1B, 0x07}) & is_obeyed(line), set(), line)


class MessageTests(TreeTestCase):
    """Messages of compilers on servers."""

    def ended(self, said: bytes, environ: dict[str, str], status: int = 0) -> object:
        self.environ |= environ
        self.serve(FakeServer(lambda _: Reply(status, Body.of(said), object_file=Body.of(OBJECT))))
        return self.compile()

    def test_compiled_here(self) -> None:
        """The compiler here says what a server may not, and a letter is one where it is read as such."""
        for environ in (UTF_8, LATIN_1, {"LC_ALL": "C"}):
            outcome = self.ended(b"w.c: " + CLEAR, environ)
            self.assertIn("control characters", self.here(outcome).reason)  # type: ignore[arg-type]
        outcome = self.ended(b"w.c: " + IN_A_LETTER, LATIN_1)
        self.assertIn("control characters", self.here(outcome).reason)  # type: ignore[arg-type]


class WithoutFallbackTests(DispatchTestCase):
    def test_shown(self) -> None:
        """Where nothing is compiled here, messages are shown as text."""
        failed = Reply(1 << 8, Body.of(b"w.c: " + CLEAR + IN_A_LETTER), Body.of(CLEAR))
        self.environ["DISTCC_FALLBACK"] = "0"
        for environ, shows in ((UTF_8, b"w.c: ?2J" + IN_A_LETTER), (LATIN_1, b"w.c: ?2J\xc3?2J")):
            self.environ |= environ
            self.serve(FakeServer(lambda _: failed))
            finished = self.finished(self.compile())
            self.assertEqual((finished.stderr, finished.stdout), (shows, b"?2J"))
