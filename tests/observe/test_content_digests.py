"""Digests of bodies."""

from __future__ import annotations

import hashlib
import os

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.content.body import IN_MEMORY, PIECE, Spool
from twisted_distcc.content.lzo import compress
from twisted_distcc.jobs.plain_trees import pack_tree
from twisted_distcc.observe.content_digests import content_of, content_of_tree
from twisted_distcc.observe.job_records import Content


class ContentTests(SynchronousTestCase):
    def test_in_memory_and_on_disk(self) -> None:
        """The digest is that of all bytes, however large the body is."""
        folder = self.mktemp()
        os.mkdir(folder)
        for length in (0, 1, IN_MEMORY, IN_MEMORY + 1, 2 * PIECE + 1):
            spool, data = Spool(folder), os.urandom(length)
            spool.write(data)
            body = spool.finish()
            self.assertEqual(content_of(body), Content(hashlib.sha256(data).hexdigest(), length))
            self.assertEqual(body.read(), data)
            body.discard()

    def test_trees(self) -> None:
        """Trees that differ in anything have other digests, and the same tree has the same again."""
        file, link = {b"/p/a": b"1"}, {b"/p/l": b"a"}
        trees = [
            pack_tree(b"/p", file, link), pack_tree(b"/q", file, link), pack_tree(b"/p", file),
            pack_tree(b"/p", {b"/p/b": b"1"}, link), pack_tree(b"/p", {b"/p/a": b"2"}, link),
            pack_tree(b"/p", file, {b"/p/l": b"b"}), pack_tree(b"/p", file, {b"/p/m": b"a"}),
            pack_tree(b"/p", {b"/p/a": b"1", b"/p/l": b"a"}), pack_tree(b"/p", {b"/p/a": b""}, link),
        ]  # fmt: skip
        self.assertEqual(len({content_of_tree(tree).sha256 for tree in trees}), len(trees))
        again = content_of_tree(pack_tree(b"/p", dict(file), dict(link)))
        self.assertEqual(again, content_of_tree(trees[0]))
        self.assertEqual(again.length, len(compress(b"1")))
