"""The compilers of this machine: where they are, what they consist of, and how they sign their objects.

Everything here blocks, as it starts compilers and reads their files.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from twisted_distcc.cli.probing.host_reports import signature
from twisted_distcc.errors import DistccError
from twisted_distcc.toolchain.anatomy import anatomy
from twisted_distcc.toolchain.finding import find_compiler
from twisted_distcc.toolchain.known_toolchains import identify, parts_in

USUAL: Final = ("gcc", "g++", "clang", "clang++")
SOURCE: Final = b"int twisted_distcc_probe;\n"
_PATIENCE: Final = 20.0


@dataclass(frozen=True, slots=True)
class OwnCompiler:
    """A compiler of this machine.

    Attributes:
        name: its name.
        path: its path.
        digest: what identifies it; `None` if it is a script or starts another compiler.
        parts: what it consists of.
        version: how it signs the objects that it makes; `None` if it makes none.
    """

    name: str
    path: str
    digest: str | None
    parts: Mapping[str, str]
    version: str | None


def installed(names: Iterable[str], path: str) -> tuple[str, ...]:
    """Return those of `names` that are on `path`, apart from links that lead to a wrapper."""
    return tuple(name for name in names if find_compiler(name, os.getcwd(), path))


def usual_compilers(path: str) -> tuple[str, ...]:
    """Return gcc and g++, or else clang and clang++, as far as they are on `path`."""
    found = installed(USUAL, path)
    return tuple(name for name in found if name[0] == found[0][0])


def own_compiler(name: str, environ: Mapping[str, str]) -> OwnCompiler | None:
    """Return what there is to know of a compiler; `None` if there is none of this name."""
    path = find_compiler(name, os.getcwd(), environ.get("PATH", os.defpath))
    if path is None:
        return None
    digest = identify(path, environ)
    return OwnCompiler(
        name, path, digest, _parts(path, environ) if digest else {}, _version(path, environ)
    )


def source_name(compiler: str) -> str:
    """Return a name for preprocessed text in the language of `compiler`."""
    return "probe.ii" if "++" in compiler else "probe.i"


def _parts(path: str, environ: Mapping[str, str]) -> Mapping[str, str]:
    try:
        return anatomy(parts_in(path, environ))
    except (DistccError, OSError):
        return {}


def _version(path: str, environ: Mapping[str, str]) -> str | None:
    with tempfile.TemporaryDirectory(prefix="twisted-distcc-") as folder:
        name = source_name(os.path.basename(path))
        with open(f"{folder}/{name}", "wb") as source:
            source.write(SOURCE)
        try:
            subprocess.run(
                [path, "-c", name, "-o", "probe.o"],
                cwd=folder, env=environ, capture_output=True, timeout=_PATIENCE, check=True,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
            with open(f"{folder}/probe.o", "rb") as made:
                return signature(made.read())
        except (OSError, subprocess.SubprocessError):
            return None
