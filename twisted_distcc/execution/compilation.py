"""Running one compiler over one preprocessed source.

In: a command that was found good, and the source.  Out: what the compiler answered, as a `Reply`, and
what it cost.  Who may ask for what is decided before; this module runs what it is given.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from twisted_distcc.cmdline.model import Compilation
from twisted_distcc.cmdline.rewrite import serve_argv
from twisted_distcc.execution.workspace import Workspace
from twisted_distcc.messages.body import EMPTY, Body
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
        stdout_path, stderr_path = workspace.place("stdout"), workspace.place("stderr")
        argv = serve_argv(compilation, path, source_path, output_path)
        with open(stdout_path, "wb") as stdout, open(stderr_path, "wb") as stderr:
            command = Command(
                argv,
                environ={**self.environ, "TMPDIR": workspace.path},
                directory=workspace.path,
                stdout=stdout.fileno(),
                stderr=stderr.fileno(),
            )
            ended = await run(self.spawn, command)
        return self._reply(ended, stderr_path, stdout_path, output_path), ended

    def _reply(self, ended: Ended, stderr: str, stdout: str, output: str) -> Reply:
        """Gather what the compiler left; one that failed has no object, whatever it wrote."""
        made = ended.status == 0 and os.path.isfile(output)
        return Reply(
            ended.status,
            Body.adopt(stderr, self.keep),
            Body.adopt(stdout, self.keep),
            Body.adopt(output, self.keep) if made else EMPTY,
        )
