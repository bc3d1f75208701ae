"""Compiles in which files say where clang finds others: overlays, and maps of modules."""

from __future__ import annotations

from pathlib import Path

from tests.exact.harness import ExactTestCase, Row

OVERLAY = """{ 'version': 0, 'case-sensitive': 'false', 'roots': [
    { 'name': '@/inc', 'type': 'directory', 'contents': [
        { 'name': 'virtual.h', 'type': 'file', 'external-contents': '@/real/r.h' },
        { 'name': 'probed.h', 'type': 'file', 'external-contents': '@/real/p.h' },
        { 'name': 'gone.h', 'type': 'file', 'external-contents': '@/real/gone.h' } ] } ] }
"""
FILES = {
    "real/r.h": '#include "more.h"\n#define R MORE\n',
    "real/more.h": "#define MORE 5\n",
    "real/p.h": "",
    "inc/more.h": "#define MORE 6\n",
    "w.c": """#include <virtual.h>
#if !__has_include(<probed.h>) || __has_include(<gone.h>)
#error
#endif
int f(void) { int unused; return R; }
""",
    "mod/module.modulemap": 'module M { header "m.h" }\nextern module N "n.cppmap"\n',
    "mod/n.cppmap": 'module N { textual header "n.h" }\n',
    "mod/m.h": "int m(void);\n",
    "mod/n.h": "#define N 3\n",
    "m.c": '#include "m.h"\n#include "n.h"\nint g(void) { return m() + N; }\n',
}
CLANGS = ("clang", "clang-19")
CLANG = ("clang",)


def prepare(folder: Path) -> None:
    """Write an overlay, which has absolute paths."""
    (folder / "o.yaml").write_text(OVERLAY.replace("@", str(folder)))


class OverlayTests(ExactTestCase):
    async def test_overlays(self) -> None:
        """A header that is elsewhere, what that includes, and what is only asked for."""
        rows = [
            Row(
                script=f"$CC {options} -Iinc -Wall -MD -c w.c",
                files=FILES,
                prepare=prepare,
                compilers=one,
            )
            for options, one in (
                ("-ivfsoverlay o.yaml -g", CLANGS),
                ("-Xclang -ivfsoverlay -Xclang $PWD/o.yaml", CLANG),
            )
        ]
        await self.are_exact(
            *rows,
            Row(
                script="echo 'version: 0' >o.yaml; $CC -ivfsoverlay o.yaml -Ireal -c w.c 2>/dev/null",
                files=FILES,
                compilers=CLANG,
                elsewhere=False,
            ),
        )

    async def test_maps(self) -> None:
        """Maps of modules, and what they let a source include."""
        strict = "-fmodule-name=M -fmodules-strict-decluse -Wprivate-header"
        await self.are_exact(
            Row(
                script="$CC -fmodule-map-file=mod/module.modulemap -Imod -MD -g -c m.c",
                files=FILES,
                compilers=CLANGS,
            ),
            Row(
                script=f"$CC -fmodule-map-file=mod/module.modulemap {strict} -Imod -c m.c",
                files=FILES,
                compilers=CLANG,
                elsewhere=None,
            ),
            Row(
                script="cd mod && $CC -Xclang -fmodule-map-file-home-is-cwd"
                " -fmodule-map-file=module.modulemap -I. -MD -c ../m.c",
                files=FILES,
                compilers=CLANG,
            ),
            Row(
                script='echo \'extern /* " */ module N "n.map"\' > m.map; $CC -fmodule-map-file=m.map'
                " -fmodule-name=M -fmodules-decluse -c m.c",
                files={
                    "n.map": 'module M { header "m.h" } module N { header "n.h" }',
                    "m.h": "",
                    "n.h": "",
                    "m.c": '#include "m.h"\n#include "n.h"\n',
                },
                compilers=CLANGS,
                elsewhere=None,
            ),
            Row(
                script="$CC -fmodules -fmodules-cache-path=cache -fmodule-map-file=mod/module.modulemap"
                " -Imod -c m.c; rm -r cache",
                files=FILES,
                compilers=CLANG,
                elsewhere=False,
            ),
        )
