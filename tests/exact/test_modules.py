"""Sources that import modules of C++20, and those that make them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.exact.harness import ExactTestCase, Row

FILES = {
    "bar.cppm": "module;\n#include <string.h>\nexport module bar;\n"
    "export inline int bar(const char *s) { return (int)strlen(s) + __LINE__; }\n",
    "part.cppm": "export module foo:part;\nexport inline int part(int n) { return n * 3; }\n",
    "foo.cppm": "export module foo;\nexport import :part;\nimport bar;\n"
    'export inline int foo(int n) { return bar("abc") + part(n); }\n',
    "main.cc": "import foo;\nimport bar;\nint f() { int unused; return foo(2) + bar(__FILE__); }\n",
    "impl.cc": "module foo;\nint g() { return part(3); }\n",
    "bad.cc": "import foo;\nint f() { return part(); }\n",
    "b/.keep": "",
}
COMPILER = "clang++-19"
OPTIONS = "-std=c++20 -O1 -g"
BAR, PART = "-fmodule-file=bar=b/bar.pcm", "-fmodule-file=foo:part=b/part.pcm"
IMPORTS = f"{BAR} {PART} -fmodule-file=foo=b/foo.pcm"


def _make_modules(folder: Path) -> None:
    for name, imports in (("bar", ""), ("part", ""), ("foo", f"{BAR} {PART}")):
        command = f"{COMPILER} {OPTIONS} {imports} --precompile {name}.cppm -o b/{name}.pcm"
        subprocess.run(command.split(), cwd=folder, check=True)


def row(script: str, *, elsewhere: bool = True) -> Row:
    """Return a row whose modules are removed in the end: clang makes another one now and then."""
    script = f"{script}; status=$?; rm b/*.pcm; exit $status"
    return Row(
        script=script, files=FILES, prepare=_make_modules, compilers=(COMPILER,), elsewhere=elsewhere
    )


class ModulesTests(ExactTestCase):
    async def test_imports(self) -> None:
        """What imports modules by name gets them, and the sources that they were made from."""
        await self.are_exact(
            row(f"$CC {OPTIONS} {IMPORTS} -MD -Wall -c main.cc -o b/main.o"),
            row(f"echo '{IMPORTS}' > m; $CC {OPTIONS} @m -c impl.cc"),
            row(f"$CC {OPTIONS} {IMPORTS} -c bad.cc"),
        )

    async def test_changed(self) -> None:
        """A source of a module that has changed since is read as it is now."""
        script = f"$CC {OPTIONS} {IMPORTS} -c main.cc -o 1.o"
        await self.are_exact(
            row(f"{script}; echo '// more' >> bar.cppm; $CC {OPTIONS} {IMPORTS} -c main.cc -o 2.o")
        )

    async def test_here(self) -> None:
        """Modules are made here, and used here without their sources, or if they are of headers."""
        await self.are_exact(
            row(f"$CC {OPTIONS} -fmodule-output=x.pcm -c bar.cppm", elsewhere=False),
            row(f"$CC {OPTIONS} --precompile part.cppm -o p.pcm", elsewhere=False),
            row(f"rm bar.cppm; $CC {OPTIONS} {IMPORTS} -c main.cc", elsewhere=False),
            row(f"$CC {OPTIONS} -fmodule-file=b/bar.pcm -c main.cc", elsewhere=False),
            row(f"$CC {OPTIONS} -fprebuilt-module-path=b -c main.cc; rm -f main.o", elsewhere=False),
        )
