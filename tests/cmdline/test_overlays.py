"""Overlays and maps of modules: which files they name, and what is not understood of them."""

from __future__ import annotations

import contextlib
import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cmdline.overlays import mapped_files, overlaid_files
from twisted_distcc.cmdline.reasons import StaysError

FILE = {"name": "a.h", "type": "file", "external-contents": "/real/a.h"}
INNER = {"name": "/p", "type": "directory", "contents": [FILE, {**FILE, "external-contents": "b.h"}]}


class OverlayTests(SynchronousTestCase):
    def test_files(self) -> None:
        """All files that an overlay has, whichever way tools write it."""
        overlay = {"version": 0, "case-sensitive": "false", "roots": [INNER, FILE]}
        for text in (
            json.dumps(overlay),
            json.dumps(overlay, indent=1),
            json.dumps(overlay).replace('"', "'"),
            "# made\n{ version: 0, roots: [ { name: /p, type: directory, contents: [] }, ], }".replace(
                "/p", "'/p'"
            ),
        ):
            expected = [] if text.startswith("#") else ["/real/a.h", "b.h", "/real/a.h"]
            self.assertEqual(overlaid_files(text, "/o"), expected, text)

    def test_relative(self) -> None:
        """Where an overlay says so, its files are below its own folder."""
        text = json.dumps({"version": 0, "overlay-relative": "true", "roots": [INNER]})
        self.assertEqual(overlaid_files(text, "/o"), ["/o//real/a.h", "/o/b.h"])

    def test_blanks(self) -> None:
        """Blank space, however much, is read once."""
        self.assertRaises(StaysError, overlaid_files, "{" + " " * 10_000 + "!}", "/")

    def test_not_understood(self) -> None:
        """What clang may understand, and nobody here, keeps a compile where it is."""
        whole = json.dumps({"version": 0, "roots": [INNER]})
        for text in (
            "", "[]", "version: 0\nroots:\n  - name: /p\n", f"{whole} more", whole[:-2],
            whole.replace(",", ""),
            whole.replace("directory", "directory-remap"), whole.replace("contents", "content"),
            whole.replace("version", "root-relative"), whole.replace("/real", "\\\\real"),
            '{"roots": "x"}', '{"roots": ["x"]}', "{'a': &x}", "[" * 3000, '{"roots":' + "[" * 3000,
        ):  # fmt: skip
            self.assertRaises(StaysError, overlaid_files, text, "/o")

    @given(st.text(alphabet="{}[]:,'\" abcroots", max_size=40))
    def test_any(self, text: str) -> None:
        """Nothing else is raised, whatever the text."""
        with contextlib.suppress(StaysError):
            overlaid_files(text, "/o")


class MapTests(SynchronousTestCase):
    def test_names(self) -> None:
        """Headers, and maps elsewhere, as Bazel writes them."""
        text = """module "//a:b" { export *
            private textual header "a/b.cc.inc"
            header "a/b.h" use "//c:d" }
        extern module "//c:d" "c/d.cppmap"
        extern module std.x"std.modulemap" """
        headers, maps = mapped_files(text)
        self.assertEqual(headers, ["//a:b", "a/b.cc.inc", "a/b.h", "//c:d"])
        self.assertEqual(maps, ["c/d.cppmap", "std.modulemap"])

    def test_comments(self) -> None:
        """Quotes in comments are none, comments in strings are none, and comments may be anywhere."""
        text = """module A { header "a//b.h" /* " */ header "c.h" } // it"s
        extern /* x */ module B /* " */ "/*d*/e.map" """
        self.assertEqual(mapped_files(text), (["a//b.h", "c.h"], ["/*d*/e.map"]))

    def test_not_understood(self) -> None:
        """All headers of a folder are not named."""
        for text in ('module M { umbrella "d" }', 'module M { header "a\\"b" }'):
            self.assertRaises(StaysError, mapped_files, text)
