"""Dependency files that servers make up: none gets to `make` but those that compilers write."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.client.in_memory import speaking
from tests.client.test_dispatch_trees import RULES, WITH_RULES, TreeTestCase
from tests.hostile.test_tree_replies import words
from twisted_distcc.client.results.dependency_rules import (
    BadRulesError,
    SentFiles,
    check_rules,
)
from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.content.lzo import compress
from twisted_distcc.pump.laying import has_plain_names, lay
from twisted_distcc.pump.unit import Laid, Stamp, Unit

A_FILE: Final = Stamp(0, 0, 0, 0, 0)
# What make would run, make or believe, on the way to `hello.o: hello.c hello.h`.
ATTACKS: Final = (
    b"hello.o: hello.c hello.h $(shell touch pwned)\n",
    b"hello.o: hello.c ${shell touch pwned}\n",
    b"hello.o: hello.c $$(shell touch pwned) $(shell touch pwned)\n",
    b"hello.o: hello.c $X\n",
    b"$(shell touch pwned)\nhello.o: hello.c\n",
    b"X := $(shell touch pwned)\n\nhello.o: hello.c\n",
    b"hello.o: hello.c\n$(shell touch pwned)\n",
    b"hello.o: hello.c\n\ttouch pwned\n",
    b"hello.o: hello.c ; touch pwned\n",
    b"hello.o: hello.c;touch pwned\n",
    b"hello.o: hello.c\ninclude /tmp/evil.mk\n",
    b"hello.o: hello.c\n.SHELLFLAGS: hello.h\n",
    b"hello.o: hello.c\nSHELL = /tmp/evil\n",
    b"hello.o: hello.c\ndefine x\nendef\n",
    b"hello.o: hello.c\nall: ; touch pwned\n",
    b"hello.o: hello.c \\\n clean\n",
    b"hello.o: hello.c install\n",
    b"hello.o: hello.c /etc/passwd\n",
    b"hello.o: hello.c ../work/secret.h\n",
    b"hello.o: hello.c no/../hello.h\n",
    b"hello.o: hello.c | hello.h\n",
    b"hello.o: hello.c # \\\n",
    b"hello.o: hello.c\\\ntouch pwned\n",
    b"hello.o: hello.c \\\r\n hello.h\n",
    b"hello.o: hello.c\x00hello.h\n",
    b"hello.o: hello.c\thello.h\n",
    b"hello.o: hello.* hello.h\n",
    b"hello.o: %.c hello.h\n",
    b"hello.o:: hello.c\n",
    b"hello.o: : hello.c\n",
    b"hello.o&: hello.c\n",
    b"hello.o all: hello.c\n",
    b"all: hello.c\n",
    b"hello.o : hello.c\n",
    b"hello.o: hello.c\nhello.h:\n",
    b"hello.o: hello.c\nhello.o: hello.h\n",
    b"hello.o: hello.c",
    b"hello.o:",
    b"hello.o:\n",
    b"hello.o",
    b"\n",
    b"hello.o: /usr/share/asan_ignorelist.txt hello.c\n",
)  # fmt: skip
TARGETS: Final = (
    ("-MT", "$(OBJ)"), ("-MQ", "$(OBJ)"), ("-MT", "a b", "-MT", "c"), ("-MTjoined", "-MQ", "a  b"),
    ("-MQ", "a b", "-MT", "c", "-MQ", "d#e", "-MT", "./f", "-MQ", ".//g"), ("-MT", "", "-MT", "x"),
    ("-MT", "$(shell true)", "-MP"), ("-MQ", "b\\ s", "-MQ", "t\\"), ("-MT", "two\nlines: x"),
    ("-o", "./odd dir/$o.o"), ("-o", "t" * 90 + ".o", "-MP"),
    *(tuple(word for number in range(5) for word in (option, f"t{'o' * 40}{number}"))
      for option in ("-MT", "-MQ")),
)  # fmt: skip


def compilation(*argv: str) -> Compilation:
    parsed = parse(argv)
    assert isinstance(parsed, Compilation), parsed
    return parsed


class DispatchTests(TreeTestCase):
    """A whole compile, whose only server makes rules up."""

    def test_attacks(self) -> None:
        """The server has failed, nothing of it is written, and the compile is done here."""
        self.environ["DISTCC_BACKOFF_PERIOD"] = "0"
        for rules in ATTACKS:
            self.serve(speaking(words(rules=compress(rules))))
            self.told.warned.clear()
            self.here(self.compile(*WITH_RULES))
            self.assertIn("sent a bad reply: its dependency file", self.told.warned[0], rules)
            self.nothing_is_left("hello.h")

    def test_the_honest_one(self) -> None:
        """What the compiler writes is taken, also with rules for headers that may vanish."""
        for options, more in (((), b""), (("-MP",), b"hello.h:\n"), (("-MP",), b"\nhello.h:\n")):
            self.serve(speaking(words(rules=compress(RULES + more))))
            self.finished(self.compile(*WITH_RULES, *options))
            self.assertEqual((self.work / "hello.d").read_bytes(), RULES + more)


class CompilerTests(SynchronousTestCase):
    """What real compilers write is taken."""

    def setUp(self) -> None:
        self.folder = Path(os.path.realpath(self.mktemp()))
        (self.folder / "odd dir").mkdir(parents=True)
        (self.folder / "w.c").write_text('#include <stddef.h>\n#include "odd dir/a#$.h"\n')
        (self.folder / "odd dir/a#$.h").write_text("")

    def test_targets(self) -> None:
        """Targets may be whatever the user calls them, in the order that each compiler prefers."""
        for compiler in ("gcc", "clang"):
            for options in TARGETS:
                argv = (compiler, "-MD", "-MF", "w.d", "-c", "w.c", *options)
                subprocess.run(argv, cwd=self.folder, check=True)
                rules = (self.folder / "w.d").read_bytes()
                check_rules(rules, compilation(*argv), self.has, lambda _: False)
                other = compilation(compiler, "-MD", "-c", "w.c", "-o", "other.o")
                self.assertRaises(BadRulesError, check_rules, rules, other, self.has, self.has)

    def has(self, name: str) -> bool:
        return name in ("w.c", "odd dir/a#$.h") or name.startswith("/usr/")


NAMES: Final = st.text("ab $#:;%~=.()\N{SNOWMAN}", min_size=1, max_size=6).map("n".__add__)
FOLDS: Final = st.sampled_from([" ", " \\\n ", " \\\n  "])


def escaped(name: str) -> str:
    """Write a name character by character."""
    return "".join({" ": "\\ ", "#": "\\#", "$": "$$"}.get(one, one) for one in name)


class PropertyTests(SynchronousTestCase):
    """Texts of all kinds."""

    asking = compilation("gcc", "-MD", "-MP", "-c", "w.c", "-o", "w.o")

    def check(self, text: str, names: list[str]) -> None:
        check_rules(os.fsencode(text), self.asking, names.__contains__, lambda _: False)

    @given(st.lists(st.tuples(FOLDS, NAMES), min_size=1), st.booleans())
    def test_any_names(self, listed: list[tuple[str, str]], has_phony: bool) -> None:
        """Files of any names may be listed, folded anyhow, and have rules of their own."""
        rule = "".join(fold + escaped(name) for fold, name in listed)
        phony = "".join(f"{escaped(name)}:\n" for _, name in listed) if has_phony else ""
        names = [name for _, name in listed]
        self.check(f"w.o:{rule}\n{phony}", names)
        self.assertRaises(BadRulesError, self.check, f"w.o:{rule}\n{phony}", names[1:] and ["other"])

    @given(st.text("abw.oc :$#\\\n\t()=;%|", max_size=30), st.integers(0, 20))
    @example("$(shell a)", 9)
    def test_anything_in_between(self, text: str, at: int) -> None:
        """What is taken has, by another reading, no word that make would do anything with."""
        good = "w.o: a.c b\\ c \\\n d$$\nb\\ c:\n"
        changed = good[:at] + text + good[at:]
        try:
            self.check(changed, ["a.c", "b c", "d$"])
        except BadRulesError:
            return
        plain = (
            changed.replace("\\\n", "").replace("b\\ c", "BC").replace("d$$", "D").replace(":\n", "\n")
        )
        self.assertLessEqual(set(plain.split()), {"w.o:", "a.c", "BC", "D"}, changed)

    def test_fold_in_a_name(self) -> None:
        """A name has its spaces, and a fold has its own."""
        self.check("w.o: n\\  \\\n b\\ c\n", ["n ", "b c"])
        self.assertRaises(BadRulesError, self.check, "w.o: b\\ \\\n c\n", ["b c"])

    def test_long_texts(self) -> None:
        """Megabytes of anything are read in time that grows with them, or this test would not end."""
        for piece in ("\\", "$", "$$", "\\ ", " \\\n ", "#", ":", "\n", "a.c ", "a", "\\\n", "a.c:\n"):
            text = "w.o: a.c" + piece * (2_000_000 // len(piece)) + "\n"
            for ending in ("", "$\n"):
                try:
                    self.check(text + ending, ["a.c"])
                except BadRulesError:
                    continue


class NameTests(SynchronousTestCase):
    """The names by which compilers call the files that were sent."""

    def sent(self, *files: str, **links: str) -> SentFiles:
        unit = Unit(dict.fromkeys(files, A_FILE), frozenset({"/w/empty"}))
        laid = lay(unit, _Links({f"/w/{name}": target for name, target in links.items()}))
        return SentFiles("/w", unit, laid)

    def test_ways(self) -> None:
        """A file may be called by any way that leads to it, and by none that does not."""
        sent = self.sent("/w/src/w.c", "/w/way/h.h", "/usr/x.h", way="inc/../include", loop="loop")
        for name in ("src/w.c", "/w/src/w.c", "src//./w.c", "empty/../src/w.c", "/usr/../w/src/w.c",
                     "src/../way/h.h", "include/h.h", "way/../include/h.h", "/../usr/x.h",
                     "../usr/x.h"):  # fmt: skip
            self.assertTrue(sent.has(name), name)
        for name in ("", ".", "src", "w.c", "no/../src/w.c", "src/w.c/", "src/w.c/../w.c", "/src/w.c",
                     "loop/h.h", "way", "../" * 2000 + "usr/x.h", "a/" * 3000 + "w.c"):  # fmt: skip
            self.assertFalse(sent.has(name), name[:40])

    def test_plain_names(self) -> None:
        """Files of names that compilers write differently are not sent where rules are asked for."""
        nothing = Laid((), (), ())
        for name, plain in (("a b#$:é", True), ("a\tb", False), ("a\\b", False), ("a\nb", False)):
            self.assertIs(has_plain_names(Unit({f"/{name}": A_FILE}, frozenset()), nothing), plain)
            self.assertIs(has_plain_names(Unit({}, frozenset({f"/{name}"})), nothing), plain)
            self.assertIs(has_plain_names(Unit({}, frozenset()), Laid((), (("/l", name),), ())), plain)


class _Links:
    def __init__(self, links: dict[str, str]) -> None:
        self._links = links

    def link(self, path: str) -> str | None:
        return self._links.get(path)
