"""A build hook: wheels hold the compiled tdistcc, wherever there is a C compiler and the program runs.

Elsewhere, and with HATCH_BUILD_NO_HOOKS=1, `tdistcc` is the script that starts Python.  Beside the
compiled program that script is `tdistcc-python`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import platform_tags


class CompiledHook(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the program, try it, and put it in the script's place."""
        self._folder = Path(tempfile.mkdtemp())
        program = self._folder / "tdistcc"
        try:
            _build(Path(self.root), program)
            _try(program)
        except Exception as error:
            self.app.display_warning(f"tdistcc is not compiled, and starts more slowly: {error}")
            return
        scripts = {str(program): "tdistcc", "scripts/tdistcc": "tdistcc-python"}
        build_data["shared_scripts"] |= scripts
        build_data["tag"] = f"py3-none-{_platform()}"  # the package is for any Python

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was built."""
        shutil.rmtree(self._folder)


def _build(root: Path, program: Path) -> None:
    """Build by the package's own means: nothing of it is installed here, and this needs nothing else."""
    sys.path.insert(0, str(root))
    try:
        from twisted_distcc.cli.compiled import compile_program
    finally:
        sys.path.remove(str(root))
    compile_program(program)


def _try(program: Path) -> None:
    """Raise unless the program runs, finds its Python beside it, and passes its command on."""
    start = program.with_name("twisted-distcc-python")
    start.write_text(f"#!{sys.executable}\nimport sys\nprint(sys.argv[1:])\n")
    done = subprocess.run([program, "--version"], capture_output=True, check=True, text=True)
    if done.stdout.strip() != str([str(program), "--version"]):
        raise RuntimeError(f"it says {done.stdout!r}")


def _platform() -> str:
    """Return this machine's tag, which promises nothing about others."""
    return next(tag for tag in platform_tags() if tag.startswith("linux_"))
