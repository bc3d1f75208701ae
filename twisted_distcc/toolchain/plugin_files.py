"""Plugins as files that travel with the compiler that loads them.

`plugin_tree` has plugins, with the libraries that they need.  What they open besides, nobody can tell.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from twisted_distcc.toolchain.elf import INDEX, interpreter, libraries
from twisted_distcc.toolchain.travelling_tree import SIGN, TravellingTree, files_seen
from twisted_distcc.toolchain.view import View

# Where gcc's own folder has the plugins that are named without one.
_FOLDER: Final = "plugin"


def plugin_tree(
    plugins: Iterable[str], compiler: str, tree: TravellingTree, environ: Mapping[str, str]
) -> TravellingTree:
    """Return the files of `plugins`; this reads them.

    Args:
        plugins: absolute paths, and names of files in the compiler's own folder.
        compiler: the path of the compiler.
        tree: its own files.
        environ: decides where libraries are found.

    Raises:
        ValueError: if it cannot load them.
        OSError: if one of them cannot be read.
    """
    loader = interpreter(compiler)
    if loader is None:
        raise ValueError("it is linked statically, and loads no plugins")
    paths = [plugin if "/" in plugin else f"{_folder(tree)}/{plugin}.so" for plugin in plugins]
    return files_seen(View.of(_with_libraries(paths, loader, environ)))


def _folder(tree: TravellingTree) -> str:
    signs = [file.path for file in tree.files if os.path.basename(file.path) == SIGN]
    if not signs:
        raise ValueError("it has no folder of its own for plugins")
    return f"{os.path.dirname(min(signs, key=len))}/{_FOLDER}"


def _with_libraries(plugins: Iterable[str], loader: str, environ: Mapping[str, str]) -> Iterator[str]:
    for plugin in plugins:
        os.stat(plugin)
        found = libraries(plugin, loader, environ)
        yield from (plugin, *found)
        if set(found) != set(libraries(plugin, loader, environ, by_index=False)):
            yield INDEX
