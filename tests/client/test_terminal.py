"""What of a server's messages reaches a terminal."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.terminal import is_shown_whole, shown

URL = b"https://gcc.gnu.org/onlinedocs/gcc/Warning-Options.html#index-Wformat="
BEL, ST = b"\x07", b"\x1b\\"


def link(url: bytes = URL, text: bytes = b"-Wformat=", end: bytes = BEL) -> bytes:
    return b"\x1b]8;;" + url + end + text + b"\x1b]8;;" + end


class TerminalTests(SynchronousTestCase):
    def test_what_compilers_write(self) -> None:
        """Colours, and links to gcc's manual with either end, are shown as they are."""
        for said in (
            b"\x1b[01;35m\x1b[Kwarning: \x1b[m\x1b[K[" + link() + b"]\n",
            b"[" + link(end=ST) + b"]",
            b"tab\tand\r\n",
            "caf\u00e9 \u2018quoted\u2019".encode(),
        ):
            self.assertEqual(shown(said, utf_8=True), said)
            self.assertTrue(is_shown_whole(said, utf_8=True))

    def test_what_a_terminal_would_obey(self) -> None:
        """Links elsewhere, links that do not end, and all other sequences are made harmless."""
        for said in (
            link(b"https://gcc.gnu.org.evil.example/"),
            link(b"https://evil.example/gcc.gnu.org/"),
            link(b"file:///etc/passwd"),
            link(URL + b";id=1"),
            link(text=b"\x1b[2J"),
            link(text=b"two\nlines"),
            link()[: -len(b"\x1b]8;;\x07")],
            b"\x1b]8;;" + URL + b"\x07" * 2,
            b"\x1b]0;title\x07",
            b"\x1b]52;c;aGk=\x07",
            b"\x1b[2J",
            b"\x9b2J\x07",
        ):
            for utf_8 in (True, False):
                told = shown(said, utf_8=utf_8)
                self.assertNotEqual(told, said)
                self.assertFalse(is_shown_whole(said, utf_8=utf_8))
                self.assertEqual({0x1B, 0x07} & set(told), set(), told)
