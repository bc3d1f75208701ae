"""What of a toolchain has its place in every tree.

In: a `Toolchain`.  Out: the `Fixture` that trees are laid out around.  This module refuses to know what
they are.
"""

from __future__ import annotations

import os
from functools import lru_cache

from twisted_distcc.execution.sandbox.bubblewrap import DEVICES
from twisted_distcc.execution.sandbox.toolchain import Toolchain
from twisted_distcc.execution.tree.layout import Fixture


@lru_cache
def fixture_of(toolchain: Toolchain) -> Fixture:
    """Give what jobs of `toolchain` see whatever they bring."""
    mounts = toolchain.view.mounts
    folders = {path for path in mounts if os.path.isdir(path)}
    if toolchain.is_whole_system:
        folders.add("/proc")
    return Fixture(
        frozenset(map(os.fsencode, folders)),
        frozenset(os.fsencode(path) for path in (*mounts, *DEVICES) if path not in folders),
        tuple((os.fsencode(link), os.fsencode(target)) for link, target in toolchain.view.links),
    )
