"""The inputs that are sent for one compile: the tree of its files, or its preprocessed text.

A `CompileInputs` produces either from a `Candidate`, once, when a host needs it.  The files are found
first, and only read when they are sent.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from twisted_distcc.client.inputs.candidate import Candidate, StaysHere
from twisted_distcc.client.inputs.file_cache import FileChangedError
from twisted_distcc.client.inputs.preprocessing import Preprocessed, preprocess
from twisted_distcc.client.inputs.sources import Found, Sources, Turn
from twisted_distcc.jobs.model import Tree
from twisted_distcc.pump.unit import CallersOwnError, NotForServersError
from twisted_distcc.runtime.processes import Spawner


@dataclass(slots=True)
class CompileInputs:
    """The inputs of one compile in both forms.

    Attributes:
        candidate: the compile.
        sources: finds its files.
        spawn: starts preprocessors.
        turn: waits until one more preprocessor may run here.
        folder: where the text is kept.
        found: its files, once they are found.
        obstacle: why they cannot be sent, once that is known.
    """

    candidate: Candidate
    sources: Sources
    spawn: Spawner
    turn: Turn
    folder: os.PathLike[str]
    found: Found | None = None
    obstacle: NotForServersError | None = None
    _tree: Tree | None = None
    _text: Preprocessed | None = None

    async def find(self) -> Found:
        """Find the files, as they are now.

        Raises:
            NotForServersError: if its files cannot be sent.
            StaysHere: if it cannot be sent at all.
            CannotStartError: if the compiler cannot be started.
        """
        try:
            self.found = await self.sources.find(self.candidate, self.turn)
        except CallersOwnError as error:
            raise StaysHere(str(error)) from error
        except NotForServersError as error:
            self.obstacle = error
            raise
        return self.found

    async def tree(self, *, packed: bool = True) -> Tree:
        """Return the tree of the files that were found.

        Raises:
            NotForServersError, StaysHere: as `find`, if it only turns out now.
        """
        if self._tree is None:
            try:
                self._tree = await self.sources.tree(self.found or await self.find(), packed=packed)
            except FileChangedError:
                self.sources.files.look_again()
                self._tree = await self.sources.tree(await self.find(), packed=packed)
        return self._tree

    async def text(self) -> Preprocessed:
        """Return the preprocessed text.

        Raises:
            OSError: if there is no folder for it.
            StaysHere: if it is not suitable for a server.
            CannotStartError: if the compiler cannot be started.
        """
        if self._text is None:
            folder = os.fspath(self.folder)
            async with self.turn():
                try:
                    if self.found is None:
                        await self.sources.check_callers_own(self.candidate)
                    files = self.sources.files
                    self._text = await preprocess(self.spawn, self.candidate, files, folder)
                except (OSError, CallersOwnError) as error:
                    raise StaysHere(str(error)) from error
        return self._text
