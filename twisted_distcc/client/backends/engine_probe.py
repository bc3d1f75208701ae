"""Find out whether an engine runs our own compiler in a root of our own files, and nothing else.

`probe_request` is a compile of a few lines.  It succeeds where the folder of inputs is the compiler's
`/`: its header is found by an absolute path, and files that every other root has are not.  In the object
there is the working directory, as the compiler sees it.  Files that are there from the beginning show
whether the engine returns all of the working directory, and of a folder beside it.
"""

from __future__ import annotations

import os
from typing import Final

from twisted_distcc.client.inputs.local_toolchains import LocalCompiler
from twisted_distcc.content.local_content import LocalContent
from twisted_distcc.jobs.model import InputFile, Reply, Request, Tree
from twisted_distcc.wire.grammar import FILES

_FOLDER: Final = b"/.tdistcc-probe"
_DIRECTORY: Final = _FOLDER + b"/here"
_FOREIGN: Final = ("/etc/passwd", "/etc/os-release", "/bin/sh", "/usr/include/stdio.h", "/usr/bin/env")
_SOURCE: Final = "".join(
    (
        '#include "/.tdistcc-probe/x.h"\n',
        *(f'#if __has_include("{path}")\n#error other files than ours\n#endif\n' for path in _FOREIGN),
        "int tdistcc_probe = TDISTCC_PROBE;\n",
    )
).encode()
_HEADER: Final = b"#define TDISTCC_PROBE 1\n"


def probe_request(compiler: LocalCompiler, digest: str, *, makes_more: bool = False) -> Request:
    """Return the compile that shows what an engine's root is.

    Args:
        compiler: the compiler.
        digest: its digest.
        makes_more: whether it shows, too, that the engine returns all that a job leaves.
    """
    source = "x.cc" if "++" in compiler.name else "x.c"
    more = ("-fstack-usage",) if makes_more else ()
    words = ("env", "LC_ALL=C", compiler.name, "-g", *more, "-c", f"../{source}", "-o", "../out/x.o")
    files = {source: _SOURCE, "x.h": _HEADER, "here/y.h": b"", "out/z.h": b"\n"}
    entries = (
        InputFile(b"%b/%b" % (_FOLDER, name.encode()), LocalContent(data))
        for name, data in files.items()
    )
    tree = Tree(_DIRECTORY, tuple(entries))
    return Request(
        tuple(map(os.fsencode, words)), version=FILES, tree=tree, compiler=digest, makes_more=makes_more
    )


def is_hermetic(reply: Reply) -> bool:
    """Whether the answer to `probe_request` shows a root of our own files."""
    if reply.status or reply.stderr.length or reply.stdout.length:
        return False
    return _DIRECTORY in reply.object_file.read()
