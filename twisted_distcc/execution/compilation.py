"""Running one compiler over one preprocessed source.

In: a command that was found good, and the source.  Out: what the compiler answered, as a `Reply`, and
what it cost.  Who may ask for what is decided before; this module runs what it is given.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO

from twisted_distcc.cmdline.model import Compilation
from twisted_distcc.cmdline.rewrite import serve_argv
from twisted_distcc.execution.workspace import Workspace
from twisted_distcc.messages.body import EMPTY, PIECE, Body, Spool
from twisted_distcc.messages.model import Reply
from twisted_distcc.processes import Command, Ended, Spawner, run


@dataclass(frozen=True, slots=True)
class Compiler:
    """A compiler on this machine, ready to run.

    Attributes:
        spawn: starts it.
        environ: what it gets to see; `TMPDIR` is added.
        keep: the folder that large results are moved to, out of the job's own.
    """

    spawn: Spawner
    environ: Mapping[str, str]
    keep: str

    async def compile(
        self, path: str, compilation: Compilation, source: Body, workspace: Workspace
    ) -> tuple[Reply, Ended]:
        """Compile `source` as `compilation` says, with the compiler at `path`, in `workspace`.

        Cancelling kills the compiler and all that it started.

        Raises:
            CannotStartError: if the compiler cannot be started.
            OSError: if the disk takes no more.
        """
        suffix = compilation.language.preprocessed_suffix
        source_path, output_path = workspace.place(f"source{suffix}"), workspace.place("output.o")
        source.save(source_path)
        argv = serve_argv(compilation, path, source_path, output_path)
        with TemporaryFile(dir=self.keep) as stdout, TemporaryFile(dir=self.keep) as stderr:
            command = Command(
                argv,
                environ={**self.environ, "TMPDIR": workspace.path},
                directory=workspace.path,
                stdout=stdout.fileno(),
                stderr=stderr.fileno(),
            )
            ended = await run(self.spawn, command)
            said = self._said(stderr), self._said(stdout)
        return Reply(ended.status, *said, self._made(ended, output_path)), ended

    def _said(self, file: IO[bytes]) -> Body:
        """Give what the compiler wrote into `file`, which is nothing as a rule."""
        if not os.fstat(file.fileno()).st_size:
            return EMPTY
        spool = Spool(self.keep)
        file.seek(0)
        while piece := file.read(PIECE):
            spool.write(piece)
        return spool.finish()

    def _made(self, ended: Ended, output: str) -> Body:
        """Give the object; a compiler that failed has none, whatever it wrote."""
        if ended.status or not os.path.isfile(output):
            return EMPTY
        return Body.adopt(output, self.keep)
