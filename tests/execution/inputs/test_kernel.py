"""Where names lead over a tree's links, against the kernel that follows them in a folder for a root."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.execution.inputs.disk import Root
from twisted_distcc.execution.inputs.layout import Layout, lay_out
from twisted_distcc.execution.inputs.names import BadTreeError
from twisted_distcc.jobs.plain_trees import pack_tree

_OPENAT2: Final = 437  # on every machine
_RESOLVE_IN_ROOT: Final = 0x10
_C: Final = ctypes.CDLL(None, use_errno=True)

_PARTS = st.sampled_from([b"a", b"b", b"c", b"..", b"."])
_PATHS = st.lists(_PARTS, min_size=1, max_size=5).map(b"/".join)
_NAMES = st.tuples(_PATHS, st.sampled_from([b"x", b"y"])).map(lambda two: b"/%b/%b" % two)
_FOLDERS = st.sampled_from([b"/a", b"/b", b"/c", b"/a/b", b"/b/c", b"/c/a"])


def followed(root: bytes, name: bytes) -> bytes | None:
    """Give where the kernel finds `name` with `root` for the root; `None` if it is not there."""
    folder = os.open(root, os.O_PATH | os.O_CLOEXEC)
    how = struct.pack("QQQ", os.O_PATH | os.O_CLOEXEC, 0, _RESOLVE_IN_ROOT)
    try:
        # The kernel says EAGAIN if any folder was renamed or mounted while it went over "..".
        while (found := _C.syscall(_OPENAT2, folder, name, how, len(how))) < 0 and (
            ctypes.get_errno() == errno.EAGAIN
        ):
            pass
        if found < 0:
            if ctypes.get_errno() not in {errno.ENOENT, errno.ELOOP, errno.ENOTDIR}:
                raise OSError(ctypes.get_errno(), name)
            return None
        try:
            return os.fsencode(os.readlink(f"/proc/self/fd/{found}"))
        finally:
            os.close(found)
    finally:
        os.close(folder)


class KernelTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(os.path.realpath(self.mktemp()))
        self.folder.mkdir()
        self.agreed = 0

    @settings(derandomize=True, deadline=None, database=None, max_examples=300)
    @given(st.lists(_NAMES, max_size=4), st.dictionaries(_FOLDERS, _FOLDERS | _PATHS, max_size=3))
    def laid(self, names: list[bytes], links: dict[bytes, bytes]) -> None:
        """Lay out a tree, if that can be."""
        with contextlib.suppress(BadTreeError):
            tree = pack_tree(b"/", dict.fromkeys(names, b""), links)
            layout = lay_out(tree)
            root = Root(os.fsencode(self.folder / "root"))
            try:
                root.become(layout, tree.contents)
                self.compare(layout, root.path, links)
            finally:
                root.remove()

    def compare(self, layout: Layout, root: bytes, links: Mapping[bytes, bytes]) -> None:
        for path, file in layout.files.items():
            found = followed(root, file.name)
            if found is None:  # it leads through a folder that is not there, and back
                self.assertIn(b"..", b"".join((file.name, *links.values())), (file.name, links))
            else:
                self.assertEqual(found, root + path, (file.name, links))
                self.agreed += bool(links)

    def test_same(self) -> None:
        """Whatever links there are, a file lies where the kernel looks for its name."""
        self.laid()
        self.assertGreater(self.agreed, 20)
