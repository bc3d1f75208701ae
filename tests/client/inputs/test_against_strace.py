"""What compilers open in the folder of a project, by strace, is among the files that would be sent."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from twisted.internet import reactor
from twisted.internet.defer import execute
from twisted.trial.unittest import TestCase

from tests.live import PATIENCE, plain_environment
from twisted_distcc.client.inputs.candidate import Candidate, compiler_of
from twisted_distcc.client.inputs.sources import Sources
from twisted_distcc.client.invocation import Invocation
from twisted_distcc.runtime.processes import ReactorSpawner

_OPENED: Final = re.compile(r'open(?:at\(AT_FDCWD, |\()"(?P<path>[^"]+)", O_RDONLY[^=]*= [0-9]')

FILES: Final = {
    "a.c": """#include "b.h"
__asm__(".section .rodata\\nx: .incbin \\"blob\\"\\n.text");
int f(int a) { return a + B + M; }
""",
    "b.h": "#define B 1\n",
    "m.h": "#define M 2\n",
    "blob": "some bytes",
    "e.c": 'const unsigned char d[] = {\n#embed "blob"\n};\n',
    "s.S": '#include "b.h"\n.incbin "blob"\n.include "more.s"\n',
    "more.s": '.long B\n.incbin "blob"\n',
    "list": "fun:f\n",
    "all.h": '#include "b.h"\n#define M 2\n',
    "map": 'module A { header "b.h" textual header "m.h" }\nextern module C "more.map"\n',
    "more.map": "module C {}\n",
    "o.yaml": """{'version': 0, 'roots': [{'name': '@/virtual', 'type': 'directory', 'contents': [
        {'name': 'm.h', 'type': 'file', 'external-contents': '@/m.h'}]}]}""",
    "p.cfg": "-O1 -DM=3 @q.cfg\n",
    "q.cfg": "-g\n",
    "words": "-O1 -include m.h\n",
    "a.gcda": "no profile",
    "prof/#@#a.gcda": "no profile either",
}
GCC: Final = ("gcc",)
CLANG: Final = ("clang", "clang-19")
# Commands for these compilers; what is before a semicolon makes a file that they read.
ROWS: Final = (
    ("-imacros m.h -c a.c", GCC + CLANG),
    ("@words -c a.c", GCC + CLANG),
    ("-c s.S", GCC + CLANG),
    ("-Wno-c23-extensions -c e.c", ("clang-19",)),
    ("-x c-header all.h -o all.h.gch; -include all.h -c a.c", GCC),
    ("-x c-header all.h -o all.h.pch; -include all.h -c a.c", CLANG),
    ("-x c-header all.h -o any; -include-pch any -c a.c", CLANG),
    ("-fprofile-use -w -include m.h -c a.c", GCC),
    ("-fprofile-use=prof -w -include m.h -c a.c", GCC),
    ("-fmodule-map-file=map -include m.h -c a.c", CLANG),
    ("-ivfsoverlay o.yaml -Ivirtual -include m.h -c a.c", CLANG),
    ("--config $PWD/p.cfg -c a.c", CLANG),
    ("-include m.h -fsanitize=address -fsanitize-ignorelist=list -c a.c", CLANG),
    ("-include m.h -fprofile-instr-generate -fprofile-list=list -c a.c", CLANG),
    ("-include m.h -fxray-instrument -fxray-always-instrument=list -c a.c", CLANG),
    ("-include m.h -fxray-instrument -fxray-attr-list=list -c a.c", CLANG),
    ("-include m.h -fsanitize-coverage=trace-pc -fsanitize-coverage-allowlist=list -c a.c", CLANG),
    ("-include m.h -fbasic-block-sections=list=list -c a.c", CLANG),
)


@asynccontextmanager
async def _at_once() -> AsyncIterator[None]:
    yield


class StraceTests(TestCase):
    timeout = PATIENCE

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        (self.folder / "prof").mkdir(parents=True)
        for name, text in FILES.items():
            path = self.folder / name.replace("@", str(self.folder).strip("/").replace("/", "#"))
            path.write_text(text.replace("@/", f"{self.folder}/"))
        self.environ = plain_environment(PWD=str(self.folder))

    def run_here(self, *command: str) -> None:
        subprocess.run(
            command, cwd=self.folder, env=self.environ, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=PATIENCE, check=False,
        )  # fmt: skip

    async def sent(self, *command: str) -> set[Path]:
        """Return the files that would be sent for `command`."""
        invocation = Invocation(command, str(self.folder), self.environ, 0o22)
        candidate = Candidate.of(invocation, compiler_of(invocation))
        found = await Sources(ReactorSpawner(reactor), execute).find(candidate, _at_once)
        return {self.folder / path for path in found.laid.files}

    def opened(self, *command: str) -> set[Path]:
        """Return the files of the project that `command` opens, but for files of further options."""
        self.run_here("strace", "-f", "-qq", "-e", "trace=open,openat", "-o", "trace", *command)
        trace = (self.folder / "trace").read_text()
        paths = {(self.folder / found["path"]).resolve() for found in _OPENED.finditer(trace)}
        of_project = {path for path in paths if self.folder in path.parents and path.is_file()}
        made = {self.folder / name for name in ("a.o", "e.o", "s.o", "words")}
        return of_project - made

    async def test_opened(self) -> None:
        """Each kind of file that is read, by each compiler that can."""
        for line, compilers in ROWS:
            *making, using = (
                shlex.split(part.replace("$PWD", str(self.folder))) for part in line.split(";")
            )
            for compiler in compilers:
                for words in making:
                    self.run_here(compiler, *words)
                sent, opened = await self.sent(compiler, *using), self.opened(compiler, *using)
                self.assertEqual(opened - sent, set(), (compiler, line))
                self.assertGreaterEqual(len(opened), 2, (compiler, line))
                for name in ("all.h.gch", "all.h.pch", "any"):
                    (self.folder / name).unlink(missing_ok=True)
