"""Jobs for engines whose workers have compilers of their own: preprocessed text, if these are ours.

`parts_job` has a worker compare everything that the compiler here consists of with what the worker has
at the same paths: it succeeds if all of it is the same.  `text_job` then compiles text there.  The
digest of the compiler is part of the action, so that no result of another one is ever taken for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final

from twisted_distcc.client.backends.engine_job import EngineJob, understood
from twisted_distcc.client.inputs.local_toolchains import LocalCompiler
from twisted_distcc.cmdline.rewrite import serve_argv
from twisted_distcc.content.body import Body
from twisted_distcc.content.directories import Directory, encode
from twisted_distcc.jobs.model import OBJECT, Request
from twisted_distcc.reapi.action import Action
from twisted_distcc.reapi.blob import BlobName

_PARTS: Final = "parts"
_OUTPUT: Final = "output.o"
# Messages are in plain English, as those of our servers for text.
_PLAIN: Final = {"LC_ALL": "C"}


def text_job(
    request: Request, compiler: LocalCompiler, platform: tuple[tuple[str, str], ...]
) -> EngineJob:
    """Return the job that compiles the text of `request` with the worker's own `compiler`.

    Raises:
        LocalProtocolError: if its command is none that a server would take.
        OSError: if the text cannot be read.
    """
    _, compilation = understood(request)
    source = f"source{compilation.language.preprocessed_suffix}"
    name = _named(request.source)
    root = encode(Directory([(source.encode(), *name)]))
    action = Action(
        arguments=tuple(serve_argv(compilation, compiler.path, source, _OUTPUT)),
        environment=_environment(compiler),
        root=BlobName.of(root),
        directory="",
        outputs=(_OUTPUT,),
        platform=platform,
        salt=bytes.fromhex(request.compiler),
    )
    return EngineJob(action, {_OUTPUT: OBJECT}, {BlobName.of(root): root, name: request.source})


def parts_job(
    parts: Iterable[tuple[str, bytes]],
    compiler: LocalCompiler,
    platform: tuple[tuple[str, str], ...],
) -> EngineJob:
    """Return the job that succeeds if a worker has these `parts` of `compiler`: paths and digests."""
    lines = [f"{digest.hex()}  {path}\n" for path, digest in parts]
    listed = os.fsencode("".join(lines))
    name = BlobName.of(listed)
    root = encode(Directory([(_PARTS.encode(), *name)]))
    action = Action(
        arguments=("sha256sum", "-c", _PARTS),
        environment=_environment(compiler),
        root=BlobName.of(root),
        directory="",
        outputs=(),
        platform=platform,
        is_kept=False,
    )
    return EngineJob(action, {}, {BlobName.of(root): root, name: listed})


def _environment(compiler: LocalCompiler) -> Mapping[str, str]:
    return {**dict(compiler.environ), **_PLAIN}


def _named(body: Body) -> BlobName:
    hashed = sha256()
    for piece in body.pieces():
        hashed.update(piece)
    return BlobName(hashed.digest(), body.length)
