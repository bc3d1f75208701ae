"""Run a compiler to query it, and capture what it writes.

`ask` takes a compiler, its arguments, and the invocation and environment of a compile, and returns what
it wrote to standard output and standard error.  Both are kept in memory; nothing is written to disk.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from twisted_distcc.client.invocation import Invocation
from twisted_distcc.runtime.processes import Command, Spawner, run


@dataclass(frozen=True, slots=True)
class Answer:
    """A compiler's answer.

    Attributes:
        status: its wait status, 0 for success.
        stdout, stderr: what it wrote.
    """

    status: int
    stdout: bytes
    stderr: bytes


async def ask(
    spawn: Spawner,
    compiler: str,
    words: Sequence[str],
    invocation: Invocation,
    environ: Mapping[str, str],
) -> Answer:
    """Run `compiler` with `words` where `invocation` was typed, in the environment `environ`.

    Raises:
        CannotStartError: if there is no such compiler.
    """
    with _memory("stdout") as stdout, _memory("stderr") as stderr:
        command = Command(
            [compiler, *words],
            environ=environ,
            directory=invocation.directory,
            stdout=stdout.fileno(),
            stderr=stderr.fileno(),
            umask=invocation.umask,
        )
        ended = await run(spawn, command)
        return Answer(ended.status, _written(stdout), _written(stderr))


def _memory(name: str) -> BinaryIO:
    return open(os.memfd_create(name), "w+b")


def _written(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()
