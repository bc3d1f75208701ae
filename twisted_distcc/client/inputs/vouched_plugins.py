"""The plugins that a compile has its compiler load: which of them may be loaded elsewhere?

A plugin is a program, and may read anything, so nobody but its user knows whether it makes the same of a
unit elsewhere.  Only those leave this machine that the user has named::

    DISTCC_PLUGINS=structleak_plugin:annobin gcc -fplugin=./structleak_plugin.so -c w.c
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Final

from twisted_distcc.client.invocation import Invocation
from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.driver_rules import rules_load
from twisted_distcc.cmdline.reasons import StaysError, shown

PLUGINS: Final = "DISTCC_PLUGINS"
"""The variable that names plugins, as the compiler calls them, which depend on nothing but the unit."""

_ALL: Final = "*"
_LIBRARY: Final = ".so"


def plugins_of(c: Compilation, invocation: Invocation, rules: Iterable[str]) -> tuple[str, ...]:
    """Return the plugins of `c`, the command of `invocation`, which follows `rules` for gcc's driver.

    They are absolute paths, or the names of those that are in the compiler's own folder.

    Raises:
        StaysError: if they have to be loaded here.
    """
    loaded = (*c.plugins, *(plugin for text in rules for plugin in rules_load(text)))
    if c.loads_code and not loaded:
        raise StaysError("it has arguments for a plugin, and loads none")
    return tuple(_checked(loaded, c.family, invocation))


def _checked(plugins: Iterable[str], family: Family, invocation: Invocation) -> Iterator[str]:
    vouched = invocation.environ.get(PLUGINS, "").split(":")
    for plugin in plugins:
        name = os.path.basename(plugin).removesuffix(_LIBRARY)
        if name not in vouched and _ALL not in vouched:
            raise StaysError(f"the plugin {shown(name)} may read anything: {PLUGINS} does not name it")
        if "/" in plugin:
            yield invocation.absolute(plugin)
        elif family is not Family.CLANG and "." not in plugin:  # gcc looks in its own folder
            yield plugin
        else:
            raise StaysError(f"the plugin {shown(plugin)} is looked for among this machine's libraries")
