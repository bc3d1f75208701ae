"""Digests of sources and objects.

In: a body, or a tree.  Out: the digest and the length of what it holds.  This module refuses to know
when there is time for that.
"""

from __future__ import annotations

from twisted_distcc.content.body import Body
from twisted_distcc.jobs.model import InputFile, Tree
from twisted_distcc.observe.job_records import Content


def content_of(body: Body) -> Content:
    """Give what `body` holds, which stays the caller's.

    Raises:
        OSError: if the body's file cannot be read.
    """
    import hashlib  # twistd-stdio starts once per job, mostly without an audit log

    digest = hashlib.sha256()
    for piece in body.pieces():
        digest.update(piece)
    return Content(digest.hexdigest(), body.length)


def content_of_tree(tree: Tree) -> Content:
    """Give what `tree` holds: one digest of all names, links, and files as they came, packed.

    Raises:
        OSError: if the file of its contents cannot be read.
    """
    import hashlib

    length, digest = 0, hashlib.sha256(b"%b\0" % tree.directory)
    for entry in tree.entries:
        if isinstance(entry, InputFile):
            digest.update(b"file %b\0%d\0" % (entry.name, entry.content.length))
        else:
            digest.update(b"link %b\0%b\0" % (entry.name, entry.target))
    with tree.contents.opened():
        for entry in tree.entries:
            if isinstance(entry, InputFile):
                entry.content.identify(digest)
                length += entry.content.length
    return Content(digest.hexdigest(), length)
