"""Servers that mean harm, and are sent files: nothing is written but what a command asked for."""

from __future__ import annotations

from typing import Final

from tests.client.in_memory import OBJECT, speaking
from tests.client.test_dispatch_trees import RULES, WITH_RULES, TreeTestCase
from twisted_distcc.content.lzo import compress
from twisted_distcc.wire.limits import MIB

# One literal, a match of it that each zero makes 255 bytes longer, and the end.
_BOMB: Final = b"\x12x\x20" + bytes(40 * MIB // 255) + b"\1\0\0\x11\0\0"


def token(name: bytes, data: bytes, length: int | None = None) -> bytes:
    """Give a token that carries `data`, or says that it carries more."""
    return name + b"%08x" % (len(data) if length is None else length) + data


def words(status: int = 0, made: bytes = OBJECT, rules: bytes | None = None) -> bytes:
    """Give a reply of version 3, with dependencies, packed, unless these are `None`."""
    head = b"DONE00000003STAT%08x" % status + token(b"SERR", b"") + token(b"SOUT", b"")
    return head + token(b"DOTO", compress(made)) + (b"" if rules is None else token(b"DOTD", rules))


class TreeReplyTests(TreeTestCase):
    def answers(self, said: bytes) -> None:
        """Have the only host say this of the files."""
        self.environ["DISTCC_BACKOFF_PERIOD"] = "0"
        self.serve(speaking(said))

    def assert_nothing_is_written(self, said: bytes, *argv: str) -> None:
        self.answers(said)
        self.here(self.compile(*argv))
        self.nothing_is_left("hello.h")

    def test_a_good_one(self) -> None:
        """A reply of this kind is taken where nothing is wrong with it."""
        self.answers(words(rules=compress(RULES)))
        self.finished(self.compile(*WITH_RULES))
        self.assertEqual((self.work / "hello.d").read_bytes(), RULES)

    def test_hanging_up_anywhere(self) -> None:
        """Wherever a server hangs up, neither the object nor the dependency file is written."""
        good = words(rules=compress(RULES))
        for end in range(0, len(good), 5):
            self.assert_nothing_is_written(good[:end], *WITH_RULES)

    def test_bad_rules(self) -> None:
        """A dependency file that is none, too large, or bursts is not written, nor is the object."""
        for rules in (b"\xff" * 40, b"", _BOMB):
            self.assert_nothing_is_written(words(rules=rules), *WITH_RULES)
        self.assert_nothing_is_written(words() + token(b"DOTD", b"", 0xFFFF_FFFF), *WITH_RULES)

    def test_rules_that_nobody_asked_for(self) -> None:
        """They are written nowhere."""
        self.answers(words(rules=compress(RULES)))
        self.finished(self.compile())
        self.nothing_is_left("hello.h", "hello.o")

    def test_rules_and_an_object_of_a_failure(self) -> None:
        """A compile that failed leaves neither, whatever comes with its status."""
        for rules in (None, compress(RULES)):
            self.answers(words(1 << 8, rules=rules))
            self.compile(*WITH_RULES)
            self.assertEqual({path.name for path in self.work.iterdir()}, {"hello.c", "hello.h"})
