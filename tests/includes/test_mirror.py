"""The folder that C distcc's client reads from: always whole, never older than what it was made for."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.inputs.file_cache import FileChangedError
from twisted_distcc.content.lzo import expand
from twisted_distcc.includes.mirror import MARK, Mirror
from twisted_distcc.includes.shape import Copy, Shape
from twisted_distcc.pump.local_files import Disk
from twisted_distcc.pump.unit import Stamp

_LATER = 3_000_000_000


class LaterDisk(Disk):
    """The real files, looked at a while after they were written."""

    later = _LATER

    def now_ns(self) -> int:
        return super().now_ns() + self.later


class MirrorTests(SynchronousTestCase):
    def setUp(self) -> None:
        above = Path(tempfile.mkdtemp(prefix="mirror-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, above)
        self.folder = above / "copies"
        self.folder.mkdir()
        self.source = Path(os.path.realpath(self.mktemp()))
        self.source.mkdir()
        self.disk = LaterDisk()
        self.works: list[Callable[[], None]] = []
        self.mirror = Mirror(str(self.folder), self.disk, self.aside)

    def aside(self, work: Callable[[], None]) -> Deferred[None]:
        """Work at once, and remember that there was work."""
        self.works.append(work)
        try:
            work()
        except Exception as error:
            failed: Deferred[None] = Deferred()
            failed.errback(error)
            return failed
        return succeed(None)

    def file(self, name: str, text: str = "int x;\n") -> str:
        (self.source / name).write_text(text)
        return str(self.source / name)

    def stamps(self, shape: Shape) -> dict[str, Stamp]:
        found = {copy.path: self.disk.stamp(copy.path) for copy in shape.copies}
        return {path: stamp for path, stamp in found.items() if stamp is not None}

    def hold(self, *copies: Copy, links: tuple[tuple[str, str], ...] = (), folders: tuple[str, ...] = ()
             ) -> list[str]:  # fmt: skip
        """Have a shape held, and give the paths below the folder."""
        shape = Shape(copies, links, folders)
        held = Deferred.fromCoroutine(self.mirror.hold(shape, self.stamps(shape)))
        return [path.removeprefix(str(self.folder)) for path in self.successResultOf(held)]

    def contents(self, path: str) -> bytes:
        return expand((self.folder / path[1:]).read_bytes(), 1_000_000)

    def test_copies(self) -> None:
        """A file is kept compressed under its own path, and one with a name begins with it."""
        path = self.file("a.h")
        named = self.file("b.h", "\ufeffint y;\n")
        found = self.hold(Copy(path), Copy(named, '/odd"name\\b.h'))
        self.assertEqual(found, [f"{path}.lzo", f"{named}.lzo.abs"])
        self.assertEqual(self.contents(found[0]), b"int x;\n")
        line = b'\xef\xbb\xbf#line 1 "/odd\\"name\\\\b.h"\nint y;\n'
        self.assertEqual(self.contents(found[1]), line)

    def test_both_kinds(self) -> None:
        """A file that goes by its absolute name in one compile goes by another in the next."""
        path = self.file("a.h")
        named, plain = self.hold(Copy(path, path)), self.hold(Copy(path))
        self.assertEqual(self.contents(plain[0]), b"int x;\n")
        self.assertEqual(self.contents(named[0]), b'#line 1 "%s"\nint x;\n' % os.fsencode(path))

    def test_another_name(self) -> None:
        """The name in a copy is that of the compile that asks last."""
        path = self.file("a.h")
        for name in ("/one/a.h", "/two/a.h"):
            [found] = self.hold(Copy(path, name))
            self.assertEqual(self.contents(found).splitlines()[0], b'#line 1 "%s"' % name.encode())

    def test_used_again(self) -> None:
        """What is there is not made anew, as long as nothing has changed."""
        path, links = self.file("a.h"), (("/l", "x"),)
        for _ in range(3):
            self.hold(Copy(path), links=links, folders=("/f",))
        self.assertEqual(len(self.works), 1)

    def test_changed(self) -> None:
        """A file with another stamp is copied anew."""
        path = self.file("a.h")
        self.hold(Copy(path))
        self.file("a.h", "int z;\n")
        os.utime(path, ns=(1, 1))
        self.assertEqual(self.contents(self.hold(Copy(path))[0]), b"int z;\n")

    def test_young(self) -> None:
        """A file that was written just now may change and keep its stamp: its copy is not believed."""
        self.disk.later = -_LATER
        path = self.file("a.h")
        for _ in range(2):
            self.hold(Copy(path))
        self.assertEqual(len(self.works), 2)

    def test_changes_meanwhile(self) -> None:
        """A file that is not what was found any more is not sent."""
        shape = Shape((Copy(self.file("a.h")),), (), ())
        stamps = self.stamps(shape)
        self.file("a.h", "other\n")
        held = Deferred.fromCoroutine(self.mirror.hold(shape, stamps))
        self.failureResultOf(held, FileChangedError)

    def test_links_and_folders(self) -> None:
        """Links say what they are to say; a folder stands by a file that distcc knows."""
        found = self.hold(links=(("/a/l", "../up"), ("/r", "/x")), folders=("/f/g",))
        self.assertEqual(found, ["/a/l", "/r", f"/f/g/{MARK}"])
        self.assertEqual(os.readlink(self.folder / "a/l"), "../up")
        self.assertEqual(os.readlink(self.folder / "r"), "/x")
        self.assertEqual((self.folder / f"f/g/{MARK}").read_bytes(), b"")

    def test_link_to_folder(self) -> None:
        """Nothing is written through a link: what is a folder by now becomes one here."""
        outside = self.source / "outside"
        outside.mkdir()
        self.hold(links=(("/l", str(outside)),))
        self.hold(links=(("/l/m", "x"),), folders=("/l/f",))
        self.assertEqual(os.listdir(outside), [])
        self.assertEqual(os.readlink(self.folder / "l/m"), "x")

    def test_folder_to_link(self) -> None:
        """A folder gives way to the link that stands in its place by now, and comes back whole."""
        path = self.file("a.h")
        before = str(self.source)
        self.hold(Copy(path), links=((f"{before}/m", "x"),), folders=(f"{before}/f",))
        self.hold(links=((before, "elsewhere"),))
        self.assertEqual(os.readlink(self.folder / before[1:]), "elsewhere")
        self.hold(Copy(path), links=((f"{before}/m", "x"),), folders=(f"{before}/f",))
        self.assertEqual(self.contents(f"{path}.lzo"), b"int x;\n")
        self.assertTrue((self.folder / before[1:] / "f" / MARK).exists())
        self.assertEqual(os.readlink(self.folder / before[1:] / "m"), "x")

    def test_given_up(self) -> None:
        """Who stops waiting stops no work: the next one waits until it is done."""
        going: list[Deferred[None]] = []

        def slowly(work: Callable[[], None]) -> Deferred[None]:
            going.append(Deferred())
            return going[-1].addCallback(lambda _: work())

        mirror = Mirror(str(self.folder), self.disk, slowly)
        shape = Shape((Copy(self.file("a.h")),), (), ())
        first, second = (
            Deferred.fromCoroutine(mirror.hold(shape, self.stamps(shape))) for _ in range(2)
        )
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertEqual(len(going), 1)
        self.assertNoResult(second)
        going[0].callback(None)
        self.successResultOf(second)
        self.assertEqual(len(going), 1)
