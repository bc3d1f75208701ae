"""Digests of sources and objects.

`content_of` returns the SHA-256 and the length of a body, `content_of_tree` those of a tree.  A digest
takes about a millisecond per megabyte: callers must make sure that this blocks nobody.
"""

from __future__ import annotations

from twisted_distcc.content.body import Body
from twisted_distcc.jobs.model import InputFile, Tree
from twisted_distcc.observe.job_records import Content


def content_of(body: Body) -> Content:
    """Return the digest and length of `body`, which stays the caller's.

    Raises:
        OSError: if the body's file cannot be read.
    """
    import hashlib  # twistd-stdio starts once per job, mostly without an audit log

    digest = hashlib.sha256()
    for piece in body.pieces():
        digest.update(piece)
    return Content(digest.hexdigest(), body.length)


def content_of_tree(tree: Tree) -> Content:
    """Return one digest of all names, links and files of `tree`, as received, and their total length.

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
