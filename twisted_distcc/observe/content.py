"""Digests of sources and objects.

In: a body.  Out: the digest and the length of what it holds.  This module refuses to know when there is
time for that.
"""

from __future__ import annotations

from twisted_distcc.messages.body import Body
from twisted_distcc.observe.jobs import Content


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
