"""The folders in which a compiler of this server looks for headers by itself.

The compiler, which must be trusted, is asked once per language, as long as it is the same file; this
blocks, so it is not for the reactor's thread.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache

from twisted_distcc.cmdline.compilation import Language
from twisted_distcc.content.output_capture import OutputCapture
from twisted_distcc.errors import DistccError
from twisted_distcc.launcher.command import Command
from twisted_distcc.toolchain.blocking_probe import run_here
from twisted_distcc.toolchain.digest import FileStamp, file_stamp


def search_folders(compiler: str, language: Language, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the folders that the compiler at the path `compiler` searches for headers of `language`.

    Raises:
        DistccError: if it does not tell.
        OSError: if it does not exist.
    """
    return _told(compiler, file_stamp(compiler), language, tuple(environ.items()))


@lru_cache
def _told(
    compiler: str, _stamp: FileStamp, language: Language, environ: tuple[tuple[str, str], ...]
) -> tuple[str, ...]:
    from twisted_distcc.cmdline.compiler_answers import header_search  # twistd-stdio rarely asks

    argv = [compiler, "-x", language.value, "-E", "-v", os.devnull]
    with OutputCapture("searched") as said:
        run_here(Command(argv, {**dict(environ), "LC_ALL": "C"}, stderr=said.descriptor))
        found = header_search(os.fsdecode(said.last()))
    if found is None:
        raise DistccError(f"{compiler} does not tell which folders it searches for headers")
    return found.angled
