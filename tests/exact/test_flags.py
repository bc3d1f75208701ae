"""The sets of flags of `doc/flags.md`: each compiles where the page says, with every file exact."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.exact.harness import ExactTestCase, Row

_PAGE: Final = Path(__file__).parents[2] / "doc" / "flags.md"
_LINE: Final = re.compile(
    r"^\| (?P<set>[^|]+) \| (?P<compilers>[^|]+) \| `(?P<flags>[^|]+)` \| (?P<where>[^|]+) \|$"
)
_FEWEST: Final = 60
_MOST_HERE: Final = 2
# Sets that are done in one test, as they share servers.
_PARTS: Final = 4

SOURCE: Final = """#include "a.h"
#if __STDC_HOSTED__ && !defined __KERNEL__ && !defined __i386__
#include <string.h>
#else
typedef __SIZE_TYPE__ size_t;
#endif
struct item { const char *name; int count[4]; };
static int scaled(int n) { return n * SCALE; }
int total(const struct item *all, size_t count);
int total(const struct item *all, size_t count)
{
    int sum = 0;
    for (size_t i = 0; i < count; i++)
        if (all[i].name)
            sum += scaled(all[i].count[i % 4]);
    return sum;
}
#if __STDC_HOSTED__ && !defined __KERNEL__ && !defined __i386__
char *copied(char *to, const char *from);
char *copied(char *to, const char *from) { return strcpy(to, from); }
#endif
"""
CXX: Final = """#include "w.c"
struct base { virtual ~base() {} virtual int f() { return 1; } };
int g(base *b) { return b->f(); }
"""
HARDENED: Final = "*cc1_options:\n+ %{!r:%{!fpie:%{!fPIE:%{!fpic:%{!fPIC:%{!fno-pic:-fPIE}}}}}}\n"
ANNOBIN: Final = "*cc1_options:\n+ %{!-fno-use-annobin:%{!iplugindir*:%:find-plugindir()}}\n"
FILES: Final = {
    "w.c": SOURCE,
    "w.cc": CXX,
    "a.h": "#define SCALE 3\n",
    "cfi.txt": "fun:total\n",
    "sub/b.h": "",
    "redhat-hardened-cc1": HARDENED,
    "target.cfg": "--target=x86_64-linux-gnu \\\n -fPIC\n# for the linker\n-fuse-ld=lld\n",
    "overlay.yaml": '{"version": 0, "roots": []}',
    "w.cppmap": 'module "w" { export * private header "a.h" }\n',
    "redhat-annobin-cc1": ANNOBIN,
}
PROFILE: Final = "total\n0\n4\n1\n7\n7\n0\n"
# What has gcc write a random number.
_RANDOM: Final = re.compile(r"-flto|--coverage|-ftest-coverage|-fprofile-|-fsanitize=")


@dataclass(frozen=True, slots=True)
class FlagSet:
    """A line of the table."""

    name: str
    compilers: tuple[str, ...]
    flags: str
    where: str

    @property
    def rows(self) -> Iterator[Row]:
        """One for each compiler."""
        for compiler in self.compilers:
            more = "" if "clang" in compiler else "".join(self._without_chance())
            yield Row(
                script=f"$CC {self.flags}{more} -c {'w.cc' if '++' in compiler else 'w.c'}",
                files=FILES,
                prepare=_prepare,
                compilers=(compiler,),
                elsewhere=self.where == "elsewhere",
            )

    def _without_chance(self) -> Iterator[str]:
        if _RANDOM.search(self.flags) and "-frandom-seed" not in self.flags:
            yield " -frandom-seed=w"
        if "-gsplit-dwarf" in self.flags:
            yield " -fno-var-tracking"


def _prepare(folder: Path) -> None:
    """Make a profile, as from a program that has run."""
    (folder / "profile").write_text(PROFILE)
    subprocess.run(["llvm-profdata", "merge", "profile", "-o", "w.profdata"], cwd=folder, check=True)


def flag_sets() -> list[FlagSet]:
    """Read the table."""
    found = (_LINE.match(line) for line in _PAGE.read_text().splitlines())
    return [
        FlagSet(one["set"], tuple(one["compilers"].split()), one["flags"], one["where"])
        for one in found
        if one
    ]


class FlagTests(ExactTestCase):
    def test_page(self) -> None:
        """The page has enough sets, and few that stay here."""
        sets = flag_sets()
        self.assertEqual(len(sets), _PAGE.read_text().count("\n| ") - 1)
        self.assertGreaterEqual(len(sets), _FEWEST)
        here = [one.name for one in sets if one.where != "elsewhere"]
        self.assertLessEqual(len(here), _MOST_HERE, here)
        for one in sets:
            self.assertRegex(one.where, r"\Aelsewhere\Z|\Ahere: ")

    async def are_as_told(self, part: int) -> None:
        await self.are_exact(*(row for one in flag_sets()[part::_PARTS] for row in one.rows))

    async def test_first(self) -> None:
        """The first part of the sets."""
        await self.are_as_told(0)

    async def test_second(self) -> None:
        """The second part of the sets."""
        await self.are_as_told(1)

    async def test_third(self) -> None:
        """The third part of the sets."""
        await self.are_as_told(2)

    async def test_fourth(self) -> None:
        """The fourth part of the sets."""
        await self.are_as_told(3)
