"""The folder of the files that distcc's monitors read, in a user's configuration directory.

C distcc writes to it as well, so whoever reads it sees the jobs of both.  A file whose process has ended
means nothing any more.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from twisted_distcc.client.journal.state_format import LENGTH, State, process_of
from twisted_distcc.own_files import open_own
from twisted_distcc.own_folders import make_own_folder

_MOST: Final = 4000


@dataclass(frozen=True, slots=True)
class StateFolder:
    """The state files in the configuration directory `directory`."""

    directory: str

    @property
    def path(self) -> str:
        """The folder."""
        return f"{self.directory}/state"

    def write(self, state: State) -> None:
        """Show `state`.

        Raises:
            OSError: if that is not possible.
        """
        path = f"{self.path}/{state.name}"
        try:
            file = open_own(path, os.O_WRONLY | os.O_CREAT)
        except FileNotFoundError:
            make_own_folder(self.path)
            file = open_own(path, os.O_WRONLY | os.O_CREAT)
        try:
            os.pwrite(file, state.packed(), 0)  # at once, so that no monitor sees half of it
        finally:
            os.close(file)

    def remove(self, process: int) -> None:
        """Show the job of `process` no more."""
        with contextlib.suppress(OSError):
            os.unlink(f"{self.path}/binstate_{process}")

    def sweep(self) -> None:
        """Remove what processes have left that were killed: their numbers will be used again."""
        for process in self._processes():
            if not _is_alive(process):
                self.remove(process)

    def read(self) -> list[State]:
        """Return the jobs in flight."""
        states = map(self._state, self._processes())
        return [state for state in states if state is not None and _is_alive(state.process)]

    def _processes(self) -> Iterator[int]:
        try:
            names = sorted(islice(os.listdir(self.path), _MOST))
        except OSError:
            return
        yield from (process for process in map(process_of, names) if process is not None)

    def _state(self, process: int) -> State | None:
        try:
            file = open_own(f"{self.path}/binstate_{process}", os.O_RDONLY)
        except OSError:
            return None
        try:
            state = State.parse(os.pread(file, LENGTH + 1, 0))
        except OSError:
            return None
        finally:
            os.close(file)
        return state if state is not None and state.process == process else None


def _is_alive(process: int) -> bool:
    return os.path.exists(f"/proc/{process}")
