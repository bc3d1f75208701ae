"""What a job is for an engine: its root, its paths, and what an engine could not tell apart."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.backends.engine_job import (
    EngineJob,
    ToolInputs,
    hermetic_job,
    returned_folders,
)
from twisted_distcc.client.backends.host_faults import LackingHostError
from twisted_distcc.client.inputs.local_toolchains import LocalCompiler
from twisted_distcc.content.directories import encode
from twisted_distcc.content.local_content import LocalContent
from twisted_distcc.content.merkle import EncodedFolders
from twisted_distcc.errors import LocalProtocolError
from twisted_distcc.jobs.model import DEPENDENCIES, OBJECT, InputFile, InputLink, Request, Tree
from twisted_distcc.reapi.blob import BlobName
from twisted_distcc.toolchain.travelling_tree import ToolFile, TravellingTree

GCC = LocalCompiler("/usr/bin/gcc", "gcc", (("PATH", "/usr/bin"),))
TOOLS = ToolInputs.of(
    TravellingTree(
        (ToolFile("/usr/lib/gcc/stddef.h", BlobName.of(b"old").digest, 3),),
        (ToolFile("/usr/bin/gcc-12", BlobName.of(b"ELF").digest, 3),),
        (("/usr/bin/gcc", "gcc-12"),),
        (),
    ),
    {"PATH": "/usr/bin", "HOME": "/home/alice"},
)


class JobTests(SynchronousTestCase):
    def job(
        self, files: dict[str, bytes], command: str = "gcc -c w.c -o w.o", **links: str
    ) -> EngineJob:
        entries: list[InputFile | InputLink] = [
            InputFile(os.fsencode(name), LocalContent(data)) for name, data in files.items()
        ]
        entries += [InputLink(f"/{name}".encode(), target.encode()) for name, target in links.items()]
        tree = Tree(b"/src", tuple(entries))
        request = Request(tuple(map(os.fsencode, command.split())), version=3, tree=tree)
        return hermetic_job(request, GCC, TOOLS, EncodedFolders(), (("os", "linux"),))

    def has(self, job: EngineJob, data: bytes) -> bool:
        return any(data in content for content in job.inputs.values() if isinstance(content, bytes))

    def test_paths(self) -> None:
        """The working directory is that of the client, and outputs are in a folder that is nobody's."""
        job = self.job({"/src/w.c": b"int a;", "/src/.tdistcc-0/x": b"x"}, "gcc -MD -c w.c -o w.o")
        self.assertEqual(job.action.directory, "src")
        self.assertEqual(
            job.outputs, {".tdistcc-1/output.o": OBJECT, ".tdistcc-1/output.d": DEPENDENCIES}
        )
        self.assertIn("/src/.tdistcc-1/output.d", job.action.arguments)
        self.assertEqual(job.action.platform, (("os", "linux"),))

    def test_root(self) -> None:
        """A working directory that is the root is one, too."""
        tree = Tree(b"/", (InputFile(b"/w.c", LocalContent(b"int a;")),))
        request = Request((b"gcc", b"-c", b"w.c", b"-o", b"w.o"), version=3, tree=tree)
        job = hermetic_job(request, GCC, TOOLS, EncodedFolders(), ())
        self.assertEqual(job.action.directory, "")
        self.assertEqual(job.action.environment["TMPDIR"], "/.tdistcc-0")

    def test_users(self) -> None:
        """Nothing in a job says whose it is: whoever compiles the same at the same path is served."""
        job = self.job({"/src/w.c": b"int a;"}, "env LC_ALL=C gcc -c w.c -o w.o")
        self.assertEqual(
            job.action.environment,
            {"PATH": "/usr/bin", "LC_ALL": "C", "PWD": "/src", "TMPDIR": "/src/.tdistcc-0"},
        )

    def test_both(self) -> None:
        """The unit's files are beside the compiler's, and newer than those."""
        job = self.job({"/src/w.c": b"int a;", "/usr/lib/gcc/stddef.h": b"new"})
        self.assertIn(BlobName.of(b"new"), job.inputs)
        self.assertTrue(self.has(job, BlobName.of(b"new").digest.hex().encode()))
        self.assertTrue(self.has(job, b"gcc-12"))

    def test_links(self) -> None:
        """A link leads where it leads here, by a relative path, which all engines take."""
        job = self.job({"/src/w.c": b"int a;"}, lib="/usr/lib", near="src")
        root = next(data for name, data in job.inputs.items() if name == job.action.root)
        assert isinstance(root, bytes)
        self.assertIn(b"usr/lib", root)
        self.assertNotIn(b"/usr/lib", root)

    def test_as_typed(self) -> None:
        """A command that makes more runs as typed, and its folders come back with all in them."""
        files = {"/src/w.c": b"int a;", "/else/x": b"x", "/src/obj/y": b"y"}
        more = "gcc --coverage -c w.c -o obj/w.o"
        job = self.job(files, more)
        self.assertEqual(job.action.arguments, ("/usr/bin/gcc", *more.split()[1:]))
        self.assertEqual((job.action.outputs, job.folders), ((), {".": "/src"}))
        job = self.job(files, "env TMPDIR=/tmp gcc -fstack-usage -c w.c -o /else/w.o")
        self.assertEqual(job.folders, {".": "/src", "../else": "/else", "../tmp": "/tmp"})
        self.assertEqual(job.action.environment["TMPDIR"], "/tmp")
        links = {"src/link": "../else"}
        job = self.job(files, "gcc -fstack-usage -c w.c -o link/w.o", **links)
        self.assertEqual(job.folders, {".": "/src", "../else": "/else"})
        assert job.expected is not None
        self.assertEqual(job.expected.find("/else/w.su"), ("/src/link/w.su", 50))

    def test_returned_folders(self) -> None:
        """A folder in another one comes with that, and one whose name only begins so does not."""
        self.assertEqual(
            returned_folders({"/a/b", "/a", "/a-c/d"}, "/a"), {".": "/a", "../a-c/d": "/a-c/d"}
        )
        self.assertEqual(returned_folders({"/a/b", "/"}, "/a/b"), {"../..": "/"})

    def test_behind_a_link(self) -> None:
        """A working directory whose name leads over a link has another name for workers."""
        tree = Tree(b"/link", (InputFile(b"/src/w.c", LocalContent(b"")), InputLink(b"/link", b"src")))
        request = Request((b"gcc", b"-c", b"w.c"), version=3, tree=tree)
        with self.assertRaises(LackingHostError):
            hermetic_job(request, GCC, TOOLS, EncodedFolders(), ())

    def test_not_utf_8(self) -> None:
        """A name or a word that is not UTF-8 cannot be sent, which is said."""
        for files, command in (({"/src/\udcff.c": b""}, "gcc -c w.c"), ({}, "gcc -DX=\udcff -c w.c")):
            with self.assertRaises(LocalProtocolError):
                self.job(files, f"{command} -o w.o").action.blobs()

    def test_twins(self) -> None:
        """Equal files are sent if the compiler does not compare files."""
        twins = {"/src/a.h": b"int a;", "/src/b.h": b"int a;"}
        self.job({"/src/w.c": b'#include "a.h"\n', **twins})
        for text in (b'#import "a.h"\n', b"#  import <a.h>", b'_Pragma ( "once")', b"# pragma once\n"):
            with self.assertRaises(LackingHostError):
                self.job({"/src/w.c": text, **twins})
        with self.assertRaises(LackingHostError):
            self.job({"/src/w.c": b"", "/src/c.h.gch": b"gpch.014", **twins})
        with self.assertRaises(LackingHostError):
            self.job({"/src/w.c": b"int b;", **twins}, "clang -c w.c -o w.o")
        self.job({"/src/w.c": b"#pragma once\n", "/src/a.h": b"int a;"}, "clang -c w.c -o w.o")

    def test_same_action(self) -> None:
        """The same unit is the same action, byte for byte, and another source is another."""
        one, same, other = (self.job({"/src/w.c": text}) for text in (b"a", b"a", b"b"))
        self.assertEqual(one.action.blobs(), same.action.blobs())
        self.assertNotEqual(one.action.root, other.action.root)
        self.assertEqual(encode(TOOLS.base.directories[b""])[:1], b"\x12")
