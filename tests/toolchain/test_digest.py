"""The digest of a compiler: what decides it, and what does not."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.toolchain.digest import deciding, digest_of, parts
from twisted_distcc.toolchain.discovery import Toolchain, discover

ENVIRON = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
CLANG = "/usr/bin/clang"


def names(paths: tuple[str, ...]) -> set[str]:
    return {os.path.basename(path).partition(".")[0].partition("-")[0] for path in paths}


class PartsTests(SynchronousTestCase):
    """A compiler of the test's own: a driver, a compiler proper, a library, headers."""

    def setUp(self) -> None:
        self.one = self.installed("one")

    def installed(self, prefix: str) -> Path:
        folder = Path(os.path.abspath(self.mktemp())) / prefix
        (folder / "include/deep").mkdir(parents=True)
        for name in ("gcc", "cc1", "libmpfr.so", "include/a.h", "include/deep/b.h"):
            (folder / name).write_text(name)
        return folder

    def digest(self, folder: Path) -> str:
        programs = [str(folder / name) for name in ("gcc", "cc1")]
        return digest_of(parts(programs, [str(folder / "libmpfr.so")], [str(folder / "include")]))

    def test_the_same_elsewhere(self) -> None:
        """Where it is installed, and when, says nothing of what it makes."""
        self.assertEqual(self.digest(self.one), self.digest(self.installed("two")))

    def test_every_part_decides(self) -> None:
        """Another byte in a program, a library or a header gives another digest."""
        digests = {self.digest(self.one)}
        for path in sorted(path for path in self.one.rglob("*") if path.is_file()):
            before = path.read_text()
            path.write_text(before + "!")
            digests.add(self.digest(self.one))
            path.write_text(before)
        self.assertEqual(len(digests), 6)

    def test_names_of_headers_decide(self) -> None:
        """A header under another name, or one more, is found where there was none."""
        before = self.digest(self.one)
        (self.one / "include/a.h").rename(self.one / "include/c.h")
        renamed = self.digest(self.one)
        (self.one / "include/c.h").rename(self.one / "include/deep/a.h")
        self.assertEqual(len({before, renamed, self.digest(self.one)}), 3)

    def test_the_state_of_the_files(self) -> None:
        """Parts that were found again are equal unless a file has changed or come."""
        found = parts([], [], [str(self.one / "include")])
        self.assertEqual(parts([], [], [str(self.one / "include")]), found)
        os.utime(self.one / "include/deep/b.h", (1, 1))
        self.assertNotEqual(parts([], [], [str(self.one / "include")]), found)

    def test_read_once(self) -> None:
        """What another compiler has as well is not read again, unless it has changed."""
        before, link = self.digest(self.one), self.one.with_name("link")
        link.symlink_to(self.one)
        with patch("hashlib.file_digest", side_effect=AssertionError):
            self.assertEqual(self.digest(link), before)
            os.utime(self.one / "cc1", (1, 1))
            self.assertRaises(AssertionError, self.digest, self.one)

    def test_gone(self) -> None:
        """A part that is gone is an error, and no compiler without it."""
        (self.one / "cc1").unlink()
        self.assertRaises(FileNotFoundError, self.digest, self.one)


class LibraryTests(SynchronousTestCase):
    libraries = (
        "/lib64/ld-linux-x86-64.so.2", "/lib/libc.so.6", "/lib/libm.so.6", "/lib/libdl.so.2",
        "/lib/libpthread.so.0", "/lib/librt.so.1", "/lib/libc-2.31.so", "/lib/ld-musl-x86_64.so.1",
        "/lib/libc++.so.1", "/lib/libmpfr.so.6", "/lib/libmpfr.so.6",
    )  # fmt: skip

    def test_the_c_library(self) -> None:
        """It is replaced with each update of a system, and left out; what only begins so is not."""
        found = deciding(self.libraries, mathematics=False)
        self.assertEqual(found, ("/lib/libc++.so.1", "/lib/libmpfr.so.6"))

    def test_mathematics(self) -> None:
        """Its mathematics is left in where a compiler computes constants by it."""
        found = deciding(self.libraries, mathematics=True)
        self.assertEqual(found, ("/lib/libc++.so.1", "/lib/libm.so.6", "/lib/libmpfr.so.6"))


class CompilerTests(SynchronousTestCase):
    """The compilers of this machine."""

    def discovered(self, compiler: str) -> Toolchain:
        return discover(compiler, ENVIRON, ["/bin/sh"])

    def test_gcc(self) -> None:
        """gcc computes by libraries of its own, and has its headers in its own folder."""
        found = self.discovered("/usr/bin/gcc")
        self.assertLessEqual({"libmpfr", "libgmp", "libisl"}, names(found.libraries))
        self.assertEqual(names(found.libraries) & {"libm", "libc", "ld"}, set())
        roles = {part.role for part in found.parts()}
        self.assertLessEqual({"program", "library", "header include/stddef.h"}, roles)

    def test_clang(self) -> None:
        """clang computes by the C library, and has its headers in what it calls its resources."""
        found = self.discovered(CLANG)
        self.assertLessEqual({"libLLVM", "libm"}, names(found.libraries))
        self.assertEqual(names(found.libraries) & {"libc", "ld"}, set())
        roles = {part.role for part in found.parts()}
        self.assertLessEqual({"header include/stddef.h", "header share/asan_ignorelist.txt"}, roles)

    if not os.path.exists(CLANG):
        test_clang.skip = "clang is not installed (Debian: apt-get install clang)"  # type: ignore[attr-defined]

    def test_what_is_beside(self) -> None:
        """What works beside a compiler, and what it is called, has no part in its digest."""
        beside = discover("/usr/bin/gcc", ENVIRON, ["/bin/sh", "/usr/bin/openssl"])
        digest = digest_of(self.discovered("/usr/bin/gcc").parts())
        self.assertEqual(digest_of(beside.parts()), digest)
        link = os.path.abspath(self.mktemp())
        os.symlink("/usr/bin/gcc", link)
        self.assertEqual(digest_of(self.discovered(link).parts()), digest)
        self.assertNotEqual(digest_of(self.discovered("/usr/bin/g++").parts()), digest)

    def test_no_compiler(self) -> None:
        """A program that tells of no headers is not understood, and has no parts."""
        self.assertEqual(self.discovered("/bin/true").parts(), ())
