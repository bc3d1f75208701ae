"""A build hook: wheels hold what is made of the source.

That is the manual pages and the shells' completion, made from the commands' own parsers, and our two
programs in C, wherever there is a C compiler and they run.

One is the compiled `tdistcc`, the other the `jail` that confines a server's compilers.  Without a C
compiler, and with HATCH_BUILD_NO_HOOKS=1, `tdistcc` is the script that starts Python, and bubblewrap
confines compilers.  Beside the compiled program that script is `tdistcc-python`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import platform_tags

_JAIL = "twisted_distcc/execution/sandbox/jail"


class CompiledHook(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the programs; put tdistcc in its script's place, and the jail where it is looked for."""
        self._folder = Path(tempfile.mkdtemp())
        program, jail = self._folder / "tdistcc", self._folder / "jail"
        root = Path(self.root)
        has_tdistcc = self._builds("tdistcc is the slower script", lambda: _build_tdistcc(root, program))
        has_jail = self._builds("servers need bubblewrap", lambda: _build_jail(root, jail))
        share = self._folder / "share"
        if self._builds("there are no manual pages", lambda: _write_share(root, share)):
            build_data["shared_data"] |= {
                str(path): f"share/{path.relative_to(share)}"
                for path in share.rglob("*")
                if path.is_file()
            }
        if has_tdistcc:
            build_data["shared_scripts"][str(program)] = "tdistcc"
            build_data["shared_scripts"]["scripts/tdistcc"] = "tdistcc-python"
        if has_jail and version == "editable":
            _replace(jail, root / _JAIL)
        elif has_jail:
            build_data["force_include"][str(jail)] = _JAIL
        if has_tdistcc or has_jail:
            build_data["tag"] = f"py3-none-{_platform()}"  # the package is for any Python

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was built."""
        shutil.rmtree(self._folder)

    def _builds(self, without: str, build: Callable[[], None]) -> bool:
        """Return whether `build` succeeds; if not, say what it is like `without` its program."""
        try:
            build()
        except Exception as error:
            self.app.display_warning(f"{without}: {error}")
            return False
        return True


def _build_tdistcc(root: Path, program: Path) -> None:
    with _importing_from(root):
        from twisted_distcc.cli.compiled import compile_program
    compile_program(program)
    _try(program)


def _build_jail(root: Path, jail: Path) -> None:
    with _importing_from(root):
        from twisted_distcc.toolchain.program_build import build_program
    build_program(root / f"{_JAIL}.c", jail)
    done = subprocess.run([jail, "--report", "1"], capture_output=True, check=False, text=True)
    if not done.stdout.startswith("failed "):  # as it should, here or anywhere, with nothing to run
        raise RuntimeError(f"it says {done.stdout!r}")


def _write_share(root: Path, share: Path) -> None:
    """Write manual pages and completion, in processes of their own: they import all commands."""
    for script, folder in (("write_manual", share / "man"), ("write_completion", share)):
        words = [sys.executable, str(root / "scripts" / f"{script}.py"), str(folder)]
        path = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
        environ = os.environ | {"PYTHONPATH": path}  # pip's own leads to what we need
        done = subprocess.run(words, capture_output=True, check=False, env=environ, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip().rpartition("\n")[2])


@contextmanager
def _importing_from(root: Path) -> Iterator[None]:
    """Build by the package's own means: nothing of it is installed here."""
    sys.path.insert(0, str(root))
    try:
        yield
    finally:
        sys.path.remove(str(root))


def _replace(made: Path, path: Path) -> None:
    """Put a program at `path`, where another one may be running."""
    beside = path.with_name(f"{path.name}.new")
    shutil.copy(made, beside)
    beside.replace(path)


def _try(program: Path) -> None:
    """Raise unless tdistcc runs, finds its Python beside it, and passes its command on."""
    start = program.with_name("twisted-distcc-python")
    start.write_text(f"#!{sys.executable}\nimport sys\nprint(sys.argv[1:])\n")
    done = subprocess.run([program, "--version"], capture_output=True, check=True, text=True)
    if done.stdout.strip() != str([str(program), "--version"]):
        raise RuntimeError(f"it says {done.stdout!r}")


def _platform() -> str:
    """Return this machine's tag, which promises nothing about others."""
    return next(tag for tag in platform_tags() if tag.startswith("linux_"))
