"""Find the files of one compile, for commands that tell about them and compile nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from twisted.internet.defer import execute

from twisted_distcc.cli.reactor_run import run_to_end
from twisted_distcc.client.inputs.candidate import Candidate
from twisted_distcc.client.inputs.sources import Found, Sources
from twisted_distcc.runtime.processes import ReactorSpawner


def find_files(candidate: Candidate) -> Found:
    """Return the files that `candidate` may read; a process does this once.

    Raises:
        NotForServersError: if it has to be preprocessed on this machine.
        CallersOwnError: if only its caller can read it.
        CannotStartError: if its compiler cannot be started.
    """
    return run_to_end(
        lambda reactor: Sources(ReactorSpawner(reactor), execute).find(candidate, _at_once)
    )


@asynccontextmanager
async def _at_once() -> AsyncIterator[None]:
    yield
