"""Which files are their caller's alone."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.pump.fakes import SYSTEM, Files, compilation
from twisted_distcc.pump.callers import check_callers_own, check_laid, check_source, is_private
from twisted_distcc.pump.laying import lay
from twisted_distcc.pump.local_files import Disk
from twisted_distcc.pump.scanner import Scanner
from twisted_distcc.pump.unit import CallersOwnError, FileSystem

LINKS = {
    "/dev/fd": "/proc/self/fd",
    "/dev/stdin": "/proc/self/fd/0",
    "/proc/self": "1234",
    "/proc/1234/cwd": "/p",
    "/proc/1234/fd/0": "/p/input",
    "/p/x.h": "/dev/stdin",
    "/p/far": "../p/x.h",
    "/p/gone.h": "/proc/self/fd/63",
    "/p/descriptors": "/dev/fd",
    "/p/fine.h": "y.h",
}


def disk(**texts: str) -> Files:
    """Return a disk with a folder /p of these files, `/proc` as one process sees it, and a pipe."""
    here = {f"/p/{name}.c": text for name, text in texts.items()}
    there = dict.fromkeys(("/p/input", "/p/y.h", "/dev/shm/z.h", "/proc/1234/fd/1"), "")
    files = Files(there | here, dict(LINKS))
    files.streams |= {"/p/pipe", "/first/in.h"}
    files.write("/first/other.h", "")
    return files


class CallersOwnTests(SynchronousTestCase):
    def test_private(self) -> None:
        """All of /dev and /proc is, but what is the same for everybody."""
        for path in ("/dev", "/dev/stdin", "/dev/fd/63", "/proc/self/cwd/x.h", "/dev/tty", "/proc"):
            self.assertTrue(is_private(path), path)
        for path in ("/device", "/dev/shm", "/dev/shm/x.c", "/dev/null", "/p/dev/x", "/process", "/"):
            self.assertFalse(is_private(path), path)

    def test_links_and_streams(self) -> None:
        """Links that lead there count, though nothing be there; so do pipes.  Nothing is opened."""
        files = disk()
        for path in ("/p/x.h", "/p/far", "/p/gone.h", "/p/descriptors/5", "/p/../dev/fd/5", "/p/pipe"):
            with self.assertRaises(CallersOwnError, msg=path):
                check_callers_own(["/p/y.h", path], files)
        check_callers_own(["/p/y.h", "/p/fine.h", "/p/missing.h", "/dev/shm/z.h"], files)
        files.streams.add("/dev/null")
        check_callers_own(["/dev/null"], files)
        self.assertEqual(files.reads, [])

    def test_text(self) -> None:
        """A source that asks for such a file, by whatever directive, is known by its text."""
        for line in (
            '#include "/dev/stdin"',
            "#if __has_include(</proc/self/fd/9>)",
            '#include "../dev/fd/0"',
        ):
            with self.assertRaises(CallersOwnError, msg=line):
                check_source("/p/c.c", disk(c=f"{line}\n"))
        check_source("/p/c.c", disk(c='const char *null = "/dev/null";\n#include "y.h"\n'))

    def test_units(self) -> None:
        """The scanner reports what is the caller's alone, wherever a name leads to it."""
        for line in ("<in.h>", '"x.h"', '"gone.h"', '"/dev/fd/63"', '"descriptors/7"', '"pipe"'):
            for asks in (f"#include {line}\n", f"#if __has_include({line})\n#endif\n"):
                with self.assertRaises(CallersOwnError, msg=asks):
                    self.found(disk(c=asks))
        self.found(disk(c='#include "fine.h"\n#include </dev/shm/z.h>\n'))

    def found(self, files: Files) -> None:
        """Find and lay the unit of /p/c.c, as a client does."""
        unit = Scanner(files).unit(compilation("gcc -I/first -c c.c"), "/p", SYSTEM)
        check_laid(lay(unit, files))

    def test_the_disk(self) -> None:
        """On a real disk pipes and devices are streams; files, folders and nothing are none."""
        folder = Path(self.mktemp())
        folder.mkdir()
        os.mkfifo(folder / "pipe")
        (folder / "link").symlink_to("pipe")
        files: FileSystem = Disk()
        for path in (folder / "pipe", folder / "link", Path("/dev/null")):
            self.assertTrue(files.is_stream(str(path)), path)
        for path in (folder, folder / "missing", Path(__file__)):
            self.assertFalse(files.is_stream(str(path)), path)
