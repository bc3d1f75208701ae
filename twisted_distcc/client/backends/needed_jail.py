"""Decide whether a host may have a compile that only the jail makes harmless and exact.

An engine whose jobs see our files and nothing else is as good, and so is a server that is sent our
compiler.  But files have other times there: all of them, or those of the compiler.
"""

from __future__ import annotations

from twisted_distcc.client.backends.host_faults import LackingHostError
from twisted_distcc.client.backends.likeness import Likeness
from twisted_distcc.client.inputs.sources import Found
from twisted_distcc.cmdline.reasons import shown


def check_jail(demanding: str | None, found: Found | None, likeness: Likeness | None) -> None:
    """Check that a host of this `likeness` has the jail, or is as good, if it is needed.

    An option that is `demanding` needs it.  So do precompiled headers among the files that were `found`,
    but for hosts that get text: gcc makes that from the headers themselves, and clang does not.

    Raises:
        LackingHostError: if it has not.
    """
    is_complete = likeness is not None and likeness.is_complete
    if is_complete and likeness is not Likeness.COMPLETE and found is not None and found.compares_times:
        raise LackingHostError("does not keep the times of all files, which precompiled headers name")
    if is_complete:
        return
    if demanding is None and found is not None and found.unit.precompiled:
        gets_files = likeness is not None and likeness.is_exact
        demanding = found.demanding if gets_files or found.compares_times else None
    if demanding is not None:
        raise LackingHostError(f"has no jail in which {shown(demanding)} is harmless and exact")


def with_plugins(*, loads: bool) -> Likeness:
    """Return what a host is that is sent our compiler with plugins, if it `loads` any.

    Raises:
        LackingHostError: if it does not.
    """
    if not loads:
        raise LackingHostError("loads no plugins of clients: none of its rules says `programs = true`")
    return Likeness.BROUGHT_COMPLETE
