"""Toolchains of clients on the disk: whose they are, when they go, and what is none."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.content.local_content import LocalContent
from twisted_distcc.errors import DistccError
from twisted_distcc.execution.inputs.laid_tools import PER_ENTRY, BadToolsError, LaidTools
from twisted_distcc.execution.inputs.tool_shelf import NoRoomError, Owner, ToolShelf
from twisted_distcc.jobs.model import InputFile, InputLink, Tree

PROGRAM = Path("/proc/self/exe").read_bytes()[:64]
GCC = b"/usr/bin/gcc"
ALICE, BOB = Owner("alice"), Owner("bob")


def tree(size: int = 64, *more: InputFile | InputLink) -> Tree:
    """Return a toolchain of one program of so many bytes, and more."""
    return Tree(b"/", (InputFile(GCC, LocalContent(PROGRAM.ljust(size, b"\0"))), *more))


def sized(size: int) -> Tree:
    """Return a toolchain that takes so many bytes: a program, and two folders."""
    return tree(size - 3 * PER_ENTRY)


class ShelfTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(os.path.abspath(self.mktemp()))
        self.shelf = ToolShelf(str(self.folder), 1_000_000, ("/dev/null",))

    def has(self, owner: Owner, root: bytes) -> bool:
        with self.shelf.held(owner, root) as tools:
            return tools is not None

    def laid(self, of: Tree) -> LaidTools:
        self.shelf.lay(ALICE, b"1", of)
        with self.shelf.held(ALICE, b"1") as tools:
            assert tools is not None
            return tools

    def test_whose(self) -> None:
        """What one has brought is there for that one alone."""
        self.shelf.lay(ALICE, b"1", tree())
        self.assertTrue(self.has(ALICE, b"1"))
        self.assertFalse(self.has(BOB, b"1"))
        self.assertFalse(self.has(ALICE, b"2"))

    def test_shared(self) -> None:
        """Those who share have theirs in common, and others neither see them nor show them theirs."""
        alice, bob = Owner("alice", shares=True), Owner("bob", shares=True)
        self.shelf.lay(alice, b"1", tree())
        self.assertEqual([self.has(one, b"1") for one in (alice, bob, BOB, ALICE)], [1, 1, 0, 0])
        self.shelf.lay(BOB, b"2", tree())
        self.assertFalse(self.has(alice, b"2"))

    def test_room_of_shared(self) -> None:
        """What serves others takes up room of whoever has brought it, and stays while they use it."""
        alice, bob = Owner("alice", shares=True), Owner("bob", shares=True)
        self.shelf.lay(alice, b"1", sized(250_000))
        self.shelf.lay(ALICE, b"2", sized(250_000))
        self.shelf.lay(bob, b"3", sized(500_000))
        self.assertEqual(self.shelf.used, 1_000_000)
        with self.shelf.held(bob, b"1"):
            self.shelf.lay(ALICE, b"4", sized(250_000))
        there = [self.has(*one) for one in ((bob, b"1"), (ALICE, b"2"), (bob, b"3"), (ALICE, b"4"))]
        self.assertEqual(there, [True, False, True, True])

    def test_bounds(self) -> None:
        """What was not used for longest goes first; one owner has half; what is in use stays."""
        for number, owner in enumerate((ALICE, ALICE, BOB, BOB)):
            self.shelf.lay(owner, bytes([number]), sized(250_000))
        self.assertTrue(self.has(ALICE, b"\0"))
        self.shelf.lay(ALICE, b"new", sized(250_000))
        self.assertEqual([self.has(ALICE, one) for one in (b"\0", b"\1", b"new")], [True, False, True])
        self.assertTrue(self.has(BOB, b"\2"))
        self.assertEqual(len(os.listdir(self.folder)), 4)
        with self.shelf.held(ALICE, b"\0"), self.shelf.held(ALICE, b"new"):
            self.assertRaises(NoRoomError, self.shelf.lay, ALICE, b"more", sized(250_000))
        self.assertRaises(BadToolsError, self.shelf.lay, ALICE, b"large", sized(501_000))
        self.assertEqual(len(os.listdir(self.folder)), 4)

    def test_how_many(self) -> None:
        """However small they are, one owner has no more than sixteen."""
        self.shelf = ToolShelf(str(self.folder), 2**20)
        for number in range(20):
            self.shelf.lay(ALICE, bytes([number]), tree())
        self.assertEqual(len(os.listdir(self.folder)), 16)

    def test_small_files(self) -> None:
        """Files, links and folders take room by themselves."""
        many = (InputFile(b"/a/%d" % number, LocalContent(b"")) for number in range(125))
        self.assertRaises(BadToolsError, self.shelf.lay, ALICE, b"many", tree(64, *many))

    def test_changed(self) -> None:
        """What somebody has cleaned up or changed is not used, and can be brought again."""

        def rewrite(path: Path) -> None:
            path.chmod(0o600)
            path.write_bytes(b"y")
            path.chmod(0o444)

        def replace(path: Path) -> None:
            path.rename(path.with_name("y"))

        for change in (Path.unlink, replace, rewrite, lambda path: os.truncate(path, 0)):
            tools = self.laid(tree(64, InputFile(b"/usr/share/x", LocalContent(b"x"))))
            change(Path(f"{tools.folder}/usr/share/x"))
            self.assertFalse(self.has(ALICE, b"1"))
            self.assertEqual(os.listdir(self.folder), [])

    def test_what_is_laid(self) -> None:
        """Programs can be executed, and other files be read; links are as they came."""
        tools = self.laid(
            tree(
                64,
                InputFile(b"/usr/lib/specs", LocalContent(b"#!/bin/sh\n")),
                InputLink(b"/bin", b"usr/bin"),
                InputLink(b"/usr/bin/cc", b"/etc/passwd"),
            )
        )
        base = Path(tools.folder)
        modes = [stat.S_IMODE((base / one).stat().st_mode) for one in ("usr/bin/gcc", "usr/lib/specs")]
        self.assertEqual(modes, [0o555, 0o444])
        times = {int((base / one).stat().st_mtime) for one in ("usr/bin/gcc", "usr/lib/specs")}
        self.assertEqual(len(times), 2)
        self.assertGreater(min(times), 100_000)  # a job's own are numbers of its files
        self.assertEqual(os.readlink(base / "usr/bin/cc"), "/etc/passwd")
        self.assertEqual(tools.view.mounts, ("/usr",))
        self.assertEqual(tools.view.links, (("/bin", "usr/bin"),))
        self.assertEqual(tools.fixture.files, {GCC, b"/usr/lib/specs", b"/dev/null"})
        self.assertTrue(tools.fixture.is_program(GCC))
        self.assertFalse(tools.fixture.is_program(b"/usr/lib/specs"))
        self.assertIsNone(tools.fault("/bin/gcc"))
        self.assertIn("does not have its compiler", tools.fault("/usr/bin/cc") or "")
        self.assertIn("no program for this server's processor", tools.fault("/usr/lib/specs") or "")

    def test_none(self) -> None:
        """What is no toolchain leaves nothing."""
        for name in (b"/dev/null", b"/proc/1", b"/sys/x", b"/.job-0/x", b"x", b"/" + b"a" * 256):
            bad = tree(64, InputFile(name, LocalContent(b"")))
            self.assertRaises(DistccError, self.shelf.lay, ALICE, b"1", bad)
        twice = tree(64, InputFile(GCC, LocalContent(b"")))
        self.assertRaises(OSError, self.shelf.lay, ALICE, b"1", twice)
        self.assertEqual(os.listdir(self.folder), [])
