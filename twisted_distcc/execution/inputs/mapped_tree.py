"""A tree outside of a sandbox, in a folder that stands for the client's root.

`lay_open` writes a `Tree`, and `Moved` restores replies so that they do not show where it was.  The
links are rewritten to lead where they lead within the tree, for here nothing else confines them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.content.body import EMPTY, Body, Spool
from twisted_distcc.execution.executor import adopt_rules
from twisted_distcc.execution.inputs.disk import Root
from twisted_distcc.execution.inputs.layout import lay_out
from twisted_distcc.execution.inputs.links import Links
from twisted_distcc.execution.path_mapping import restored, restored_rules
from twisted_distcc.jobs.model import Reply, Tree


@dataclass(frozen=True, slots=True)
class Site:
    """Where a tree is.

    Attributes:
        directory: the client's working directory, here.
        locate: returns the path here of an absolute path in the tree; `None` if it does not exist.
    """

    directory: str
    locate: Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Moved:
    """How the client's paths are mapped in a job.

    Attributes:
        root: the folder that stands for the client's root.
        directory: its working directory, here.
        rules: the path of its dependency file, if it has any.
        family: the compiler family, which decides how that is written.
    """

    root: str
    directory: str
    rules: str | None
    family: Family

    def restore(self, reply: Reply, keep: str) -> Reply:
        """Return `reply` as if made at the client; large bodies are kept in the folder `keep`.

        Raises:
            LongRulesError: if its dependencies are too long for a reply, which is then discarded.
            OSError: if the disk takes no more.
        """
        try:
            return self._restored(reply, keep)
        except BaseException:
            reply.discard()
            raise

    def _restored(self, reply: Reply, keep: str) -> Reply:
        root = os.fsencode(self.root)
        rules = EMPTY
        if self.rules is not None and not reply.status and os.path.isfile(self.rules):
            rules = _changed(
                adopt_rules(self.rules), lambda text: restored_rules(text, root, self.family), keep
            )
        stderr, stdout = (
            _changed(body, lambda text: restored(text, root), keep)
            for body in (reply.stderr, reply.stdout)
        )
        return Reply(reply.status, stderr, stdout, dependencies=rules, outputs=reply.outputs)


def lay_open(tree: Tree, root: str, searched: Sequence[str]) -> Site:
    """Write `tree` into the folder `root`, which is created.

    Args:
        tree: the client's files.
        root: the folder.
        searched: the folders that the compiler searches for headers by default, as it names them.

    Raises:
        DistccError: if it cannot be laid out.
        OSError: if the disk takes no more.
    """
    layout = lay_out(tree)
    top = os.fsencode(root)
    links = Links(layout.links.items())
    targets = {path: top + links.follow(path) for path in layout.links}
    Root(top).become(replace(layout, links=targets), tree.contents)

    def locate(path: str) -> str | None:
        real = links.follow(os.fsencode(path))
        if real not in layout.files and real not in layout.folders:
            return None
        here = root + os.fsdecode(real)
        # A `..` after a link to the root leads out of it.
        return root + path if os.path.realpath(root + path) == os.path.realpath(here) else here

    for folder in filter(locate, searched):
        _make_way(top, os.fsencode(folder), links)
    return Site(root + os.fsdecode(links.follow(tree.directory)), locate)


def _make_way(top: bytes, path: bytes, links: Links) -> None:
    """Create the folders that `path` goes through (`/usr/bin/../lib`) outside of the tree's own."""
    parts = path.split(b"/")
    for count in range(2, len(parts)):
        # Where that is in the tree: the disk might lead out of it.
        os.makedirs(top + links.follow(b"/".join(parts[:count])), exist_ok=True)


def _changed(body: Body, change: Callable[[bytes], bytes], keep: str) -> Body:
    spool = Spool(keep)
    try:
        spool.write(change(body.read()))
        return spool.finish()
    except BaseException:
        spool.discard()
        raise
    finally:
        body.discard()
