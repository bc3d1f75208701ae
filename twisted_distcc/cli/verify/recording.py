"""Record the compile commands of a build while it runs.

`record` runs a build with a PATH on which compilers' names lead to scripts; each writes down its words,
folder and environment, and then executes the compiler.  A compiler that is called by its path is not
seen.  Which calls compile is left to `units`.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from twisted_distcc.cli.masquerade import compilers_on_path
from twisted_distcc.cli.verify.units import Command
from twisted_distcc.errors import DistccError
from twisted_distcc.toolchain.finding import find_compiler

# The number of words comes first: after them is the environment.
_RECORDER = """\
#!/bin/sh
# Written by `twisted-distcc verify`: writes down how it was called, and becomes the compiler.
{{ printf '%s\\0' "$PWD" $# "$@" && cat /proc/self/environ; }} >"$(mktemp {records}/{name}:XXXXXXXXXX)"
exec {compiler} "$@"
"""
_LINES_OF_A_FAILED_BUILD = 20


class RecordingError(DistccError):
    """The build failed; the text has the end of its output."""


def run_build(command: Sequence[str], folder: Path, environ: Mapping[str, str], log: Path) -> None:
    """Run `command` in `folder`; its output goes to the file `log`."""
    with log.open("wb") as output:
        try:
            ended = subprocess.run(
                command,
                cwd=folder,
                env={**environ, "PWD": os.fspath(folder)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        except OSError as error:
            raise RecordingError(f"{command[0]} cannot be run: {error.strerror}") from None
    if ended.returncode:
        lines = log.read_text(errors="replace").splitlines()[-_LINES_OF_A_FAILED_BUILD:]
        raise RecordingError(f"{shlex.join(command)} failed:\n" + "\n".join(lines))


def record(
    command: Sequence[str], folder: Path, environ: Mapping[str, str], scratch: Path
) -> list[Command]:
    """Run `command` in `folder`, and return the compiler calls in the order in which they began."""
    recorders, records = scratch / "recorders", scratch / "records"
    records.mkdir()
    path = environ.get("PATH", os.defpath)
    _write_recorders(recorders, records, path)
    # Without ccache, which would call a compiler in steps of its own, or not at all.
    changes = {"PATH": f"{recorders}:{path}", "CCACHE_DISABLE": "1"}
    run_build(command, folder, {**environ, **changes}, scratch / "build.log")
    written = sorted(records.iterdir(), key=lambda one: one.stat().st_mtime_ns)
    return [parsed(one.name.rpartition(":")[0], one.read_bytes(), recorders) for one in written]


def parsed(name: str, written: bytes, recorders: Path) -> Command:
    """Parse what a recorder in the folder `recorders` wrote about a call of `name`."""
    directory, count, *rest = map(os.fsdecode, written.removesuffix(b"\0").split(b"\0"))
    words, variables = rest[: int(count)], rest[int(count) :]
    environ = dict(variable.split("=", 1) for variable in variables if "=" in variable)
    environ["PATH"] = environ["PATH"].replace(f"{recorders}:", "")
    environ.pop("CCACHE_DISABLE", None)
    return Command(directory, (name, *words), environ)


def _write_recorders(recorders: Path, records: Path, path: str) -> None:
    recorders.mkdir()
    for name in compilers_on_path(path.split(":"), recorders):
        compiler = find_compiler(name, "/", path)
        if compiler is None:
            continue  # only a link to ccache or the like has this name
        recorder = recorders / name
        recorder.write_text(
            _RECORDER.format(
                records=shlex.quote(os.fspath(records)),
                name=shlex.quote(name),
                compiler=shlex.quote(compiler),
            )
        )
        recorder.chmod(0o755)
