"""Preprocess a source on this machine, so that any server can compile it.

`preprocess` takes a `Candidate`, and a folder for files, and returns the source's text as a body, and
the dependency file; or raises with the reason why the unit has to be compiled here.
"""

from __future__ import annotations

import mmap
import os
import re
import shutil
from dataclasses import dataclass
from typing import Final, cast

from twisted_distcc.client.inputs.candidate import Candidate, StaysHere
from twisted_distcc.client.invocation import Invocation
from twisted_distcc.cmdline.preprocessed import source_forbids
from twisted_distcc.cmdline.rewrite import preprocess_argv
from twisted_distcc.content.body import Body
from twisted_distcc.pump.callers import check_callers_own, check_source
from twisted_distcc.pump.unit import FileSystem
from twisted_distcc.runtime.processes import Command, Spawner, run

_MADE_OF: Final = re.compile(rb'(?m)^# [0-9]+ "([^"\n]*)"')


@dataclass(frozen=True, slots=True)
class Preprocessed:
    """A source that is ready to be sent.

    Attributes:
        source: its text.
        dependencies: the path of a file with the contents of the dependency file, if one is requested.
    """

    source: Body
    dependencies: str | None


async def preprocess(
    spawn: Spawner, candidate: Candidate, files: FileSystem, folder: str
) -> Preprocessed:
    """Preprocess the source of `candidate`, one of `files`, into files of `folder`.

    Raises:
        StaysHere: if the preprocessor fails or writes any messages, since the compiler writes all of
            them in one piece (one JSON document, one count of warnings); or if the text reads local
            files.
        CallersOwnError: if it reads what only its caller can read.
        CannotStartError: if there is no such compiler.
        OSError: if the disk takes no more.
    """
    candidate.check_inputs(files)
    compilation, invocation = candidate.compilation, candidate.invocation
    text = f"{folder}/source{compilation.language.preprocessed_suffix}"
    if compilation.language.is_preprocessed:
        shutil.copyfile(candidate.absolute(compilation.source), text)
        _check(text)
        return Preprocessed(Body.adopt(text), None)
    check_source(candidate.absolute(compilation.source), files)
    rules = f"{folder}/dependencies" if compilation.dependencies else None
    argv = preprocess_argv(compilation, text, rules)
    await _run(spawn, [candidate.compiler, *argv[1:]], invocation, folder)
    check_callers_own(map(candidate.absolute, _check(text)), files)
    return Preprocessed(Body.adopt(text), rules)


async def _run(spawn: Spawner, argv: list[str], invocation: Invocation, folder: str) -> None:
    said = f"{folder}/preprocessor"
    with open(said, "wb") as output:
        command = Command(
            argv,
            environ=invocation.environ,
            directory=invocation.directory,
            stdout=output.fileno(),
            stderr=output.fileno(),
            umask=invocation.umask,
        )
        ended = await run(spawn, command)
        if ended.status:
            raise StaysHere("the preprocessor failed")
        if os.fstat(output.fileno()).st_size:
            raise StaysHere("the preprocessor says something, and a server can say only the rest")


def _check(path: str) -> set[str]:
    """Return the files that the text at `path` was made from, without loading it into memory.

    Raises:
        StaysHere: if it reads further local files.
    """
    if not os.path.getsize(path):
        return set()
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        reason = source_forbids(cast(bytes, text))
        made_of = {os.fsdecode(found[1]) for found in _MADE_OF.finditer(text)}
    if reason is not None:
        raise StaysHere(reason)
    return made_of
