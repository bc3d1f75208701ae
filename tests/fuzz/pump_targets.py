"""Sources that mean harm, as the scanner reads them: targets of `targets`, and one with real compilers.

In: bytes; a file of zero bytes ends a file, and the next begins.  Out: nothing, or a failure.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import zip_longest
from types import MappingProxyType
from typing import Final

from tests.fuzz.checks import check_told
from tests.fuzz.folders import own_folder
from tests.pump.fakes import SYSTEM, Files, compilation
from tests.pump.generated import Program
from tests.pump.judging import Trial
from twisted_distcc.client.inputs.depfile_listing import prerequisites
from twisted_distcc.client.terminal import shown
from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.preprocessed import source_forbids, working_directory
from twisted_distcc.cmdline.response import split
from twisted_distcc.execution.path_mapping import restored_rules
from twisted_distcc.pump.definitions import definitions_in
from twisted_distcc.pump.scanner import Scanner
from twisted_distcc.pump.search import SearchPath
from twisted_distcc.pump.text import read_text, written_from
from twisted_distcc.pump.unit import NotForServersError, UndecidedError

_PATHS: Final = ("/p/s.c", "/p/a.h", "/p/b.h", "/usr/include/x.h")

# Seconds of processor time that a text of this length may take; most take some milliseconds.
_LONG: Final = 20_000
_PATIENCE: Final = 1.0


def sources(data: bytes) -> None:
    """Scan a source and its headers: that ends, with all of their plain names, or with a reason."""
    texts = [os.fsdecode(text) for text in data.split(b"\0")[: len(_PATHS)]]
    files = Files(dict(zip_longest(_PATHS, texts, fillvalue="")))
    scanner = Scanner(files)
    try:
        unit = scanner.unit(compilation("gcc -c s.c"), "/p", SYSTEM)
    except (UndecidedError, NotForServersError) as error:
        check_told(error)
        return
    assert "/p/s.c" in unit.files
    assert scanner.unit(compilation("gcc -c s.c"), "/p", SYSTEM) == unit


def names(data: bytes) -> None:
    """Read what compilers tell of themselves and of files: names, or a reason."""
    written_from(data)
    working_directory(data)
    prerequisites(os.fsdecode(data))
    try:
        SearchPath.parse(data, data, "/p")
    except UndecidedError:
        return


def against_compilers(data: bytes) -> None:
    """Have gcc or clang preprocess files with those alone that the scanner names: they make the same."""
    (compiler, *_), texts = ["gcc", "clang"][data[:1] > b"\x7f" :], data[1:].split(b"\0")
    files = dict(zip_longest(("s.c", "p.h", "q.h"), texts[:3], fillvalue=b""))
    words = (compiler, "-nostdinc", "-w", "-I.", "-Ii", "-c", "s.c")
    verdict = _trial().judge(Program(files, words))
    assert verdict.kind != "wrong", verdict.told


@lru_cache
def _trial() -> Trial:
    return Trial(os.path.realpath(own_folder()))


def linear(data: bytes) -> None:
    """Repeat bytes until they are a long text: nothing takes more time than in proportion to it."""
    head, _, rest = data.partition(b"\0")
    body, _, tail = rest.partition(b"\0")
    text = head + body * (_LONG // len(body) if body else 0) + tail
    for name, read in _READERS.items():
        began = time.process_time()
        read(text)
        took = time.process_time() - began
        assert took < _PATIENCE, f"{name} takes {took:.1f} s"


_READERS: Final[Mapping[str, Callable[[bytes], object]]] = MappingProxyType(
    {
        "text": read_text,
        "definitions": definitions_in,
        "scan": sources,
        "names": names,
        "source": source_forbids,
        "terminal": lambda text: shown(text, utf_8=True),
        "response file": lambda text: split(os.fsdecode(text)),
        "rules of gcc": lambda text: restored_rules(text, b"/root", Family.GCC),
        "rules of clang": lambda text: restored_rules(text, b"/root", Family.CLANG),
    }
)

_ASKING: Final = b"""#define S(x) #x
#define X(x) S(x)
#define J(x, y) x##y
#define C(x, y) J(x, y)
#define N a
#define N b
#include X(N.h)
#include C(<,a.h>)
#include BOOST_PP_TUPLE_ELEM(2, 1, (<a.h>, "b.h"))
#if defined(__has_include) && __has_include(<x.h>)
#import <x.h> /* and
more */
#endif
#define H(...) __has_include(__VA_ARGS__)
#if H("a.h")
%:include/**/"b.h"
#elif H(N)
#pragma once
const char *at = __DATE__ "\\"" R"x(')x";
__asm__(".incbin \\"a.h\\"");
# 1 "a.y" 2
#endif
"""
SEEDS: Final[Mapping[str, tuple[bytes, ...]]] = MappingProxyType(
    {
        "sources": (_ASKING, b'#include "a.h"\n#include N\0#define N "b.h"\n\0#define N <x.h>\n\0'),
        "names": (
            b'# 1 "/p/s.c"\n# 1 "/p//"\n#line 7 "a.y"\n',
            b"s.o: s.c a\\ b.h \\\n c$$d.h\ns.h:\n",
            b'ignoring nonexistent directory "/x"\n#include "..." search starts here:\n /q\n'
            b"#include <...> search starts here:\n /usr/include\nEnd of search list.\n"
            b"Selected GCC installation: /usr/lib/gcc/12\nSelected multilib: .;@m64\n",
        ),
    }
)
SLOW_SEEDS: Final[Mapping[str, tuple[bytes, ...]]] = MappingProxyType(
    {
        "against_compilers": (b"\0" + _ASKING, b"\xff" + _ASKING + b"\0#define N <a.h>\n#include N\n"),
        "linear": tuple(
            b"%b\0%b\0" % (head, line)
            for head in (b"", b"#define f(x) ")
            for line in (*_ASKING.split(b"\n"), b"#/*", b'"\\', b"\x1b[m", b"\\ ", b"a.h ")
        ),
    }
)
TARGETS: Final = (sources, names)
SLOW_TARGETS: Final = (against_compilers, linear)
