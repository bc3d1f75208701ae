"""Toolchains of clients on the disk: whose they are, when they go, and what is none."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.content.local_content import LocalContent
from twisted_distcc.errors import DistccError
from twisted_distcc.execution.inputs.laid_tools import LaidTools
from twisted_distcc.execution.inputs.tool_shelf import NoRoomError, ToolShelf
from twisted_distcc.jobs.model import InputFile, InputLink, Tree

PROGRAM = Path("/proc/self/exe").read_bytes()[:64]
GCC = b"/usr/bin/gcc"


def tree(size: int = 64, *more: InputFile | InputLink) -> Tree:
    """Return a toolchain of one program of so many bytes, and more."""
    return Tree(b"/", (InputFile(GCC, LocalContent(PROGRAM.ljust(size, b"\0"))), *more))


class ShelfTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(os.path.abspath(self.mktemp()))
        self.shelf = ToolShelf(str(self.folder), ("/dev/null",), most_bytes=1000)

    def has(self, owner: str, root: bytes) -> bool:
        with self.shelf.held(owner, root) as tools:
            return tools is not None

    def laid(self, of: Tree) -> LaidTools:
        self.shelf.lay("alice", b"1", of)
        with self.shelf.held("alice", b"1") as tools:
            assert tools is not None
            return tools

    def test_whose(self) -> None:
        """What one has brought is there for that one alone."""
        self.shelf.lay("alice", b"1", tree())
        self.assertTrue(self.has("alice", b"1"))
        self.assertFalse(self.has("bob", b"1"))
        self.assertFalse(self.has("alice", b"2"))

    def test_bounds(self) -> None:
        """What was not used for longest goes first; one owner has half; what is in use stays."""
        for number, owner in enumerate(("alice", "alice", "bob", "bob")):
            self.shelf.lay(owner, bytes([number]), tree(250))
        self.assertTrue(self.has("alice", b"\0"))
        self.shelf.lay("alice", b"new", tree(250))
        self.assertEqual([self.has("alice", one) for one in (b"\0", b"\1", b"new")], [True, False, True])
        self.assertTrue(self.has("bob", b"\2"))
        self.assertEqual(len(os.listdir(self.folder)), 4)
        with self.shelf.held("alice", b"\0"), self.shelf.held("alice", b"new"):
            self.assertRaises(NoRoomError, self.shelf.lay, "alice", b"more", tree(250))
        self.assertRaises(NoRoomError, self.shelf.lay, "alice", b"large", tree(501))
        self.assertEqual(len(os.listdir(self.folder)), 4)

    def test_how_many(self) -> None:
        """However small they are, one owner has no more than sixteen."""
        self.shelf = ToolShelf(str(self.folder))
        for number in range(20):
            self.shelf.lay("alice", bytes([number]), tree())
        self.assertEqual(len(os.listdir(self.folder)), 16)

    def test_changed(self) -> None:
        """What somebody has cleaned up is not used, and can be brought again."""
        tools = self.laid(tree(64, InputFile(b"/usr/share/x", LocalContent(b"x"))))
        os.unlink(f"{tools.folder}/usr/share/x")
        self.assertFalse(self.has("alice", b"1"))
        self.assertEqual(os.listdir(self.folder), [])
        self.shelf.lay("alice", b"1", tree())
        self.assertTrue(self.has("alice", b"1"))

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
            self.assertRaises(DistccError, self.shelf.lay, "alice", b"1", bad)
        twice = tree(64, InputFile(GCC, LocalContent(b"")))
        self.assertRaises(OSError, self.shelf.lay, "alice", b"1", twice)
        self.assertEqual(os.listdir(self.folder), [])
