"""Compiles that read the profile of a program that has run, which gcc finds by the object's name."""

from __future__ import annotations

from tests.exact.harness import ExactTestCase, Row

FILES = {
    "w.c": """int often(int a) { return a > 2 ? a * 3 : 0; }
int main(int n, char **v) { int s = 0; for (int i = 0; i < 900; i++) s += often(i); return s == n; }
""",
    "obj/.keep": "",
}
GCC = ("gcc",)
RUN = "${{CC#tdistcc }} -O2 -fprofile-generate{} {} -o w && ./w; rm w; "

# Profiles have the time in them.
GONE = "; e=$?; rm -rf prof obj/*.gcda; exit $e"


class ProfileTests(ExactTestCase):
    async def test_cycle(self) -> None:
        """Beside the object, in a folder by its name, by another name of the folder, and none."""
        beside = RUN.format("", "w.c -dumpbase ''") + "mv *.gcda obj/w.gcda; "
        more = "echo 'int x(int a) { if (a) return 2; return 3; }' >>w.c; "
        mangled = "mkdir prof; mv obj/w.gcda \"prof/$(pwd | tr / '#')#obj#w.gcda\"; "
        await self.are_exact(
            Row(
                script=f"{beside} $CC -O2 -fprofile-use -c w.c -o obj/w.o{GONE}",
                files=FILES,
                compilers=GCC,
            ),
            Row(
                script=f"{beside}{mangled} $CC -O2 -fprofile-use=prof -g -c w.c -o obj/w.o{GONE}",
                files=FILES,
                compilers=GCC,
            ),
            Row(
                script=f"{beside} $CC -O2 -fbranch-probabilities -fprofile-correction -S w.c -o obj/w.s"
                f"{GONE}",
                files=FILES,
                compilers=GCC,
            ),
            Row(
                script=f"{beside}{more} $CC -O2 -fprofile-use -c w.c -o obj/w.o{GONE}",
                files=FILES,
                compilers=GCC,
            ),
            Row(script="$CC -O2 -fprofile-use=none -c w.c -o obj/w.o", files=FILES, compilers=GCC),
        )

    async def test_broken(self) -> None:
        """A profile of another source, or none at all, is told of as it is here."""
        await self.are_exact(
            Row(
                script="$CC -O2 -fprofile-use -Wno-error=coverage-mismatch -c w.c",
                files={**FILES, "w.gcda": b"adcg*21B\1\2\3\4" + b"\xff" * 40},
                compilers=GCC,
                elsewhere=None,
            ),
            Row(
                script="$CC -O2 -fauto-profile=w.afdo -c w.c",
                files={**FILES, "w.afdo": b"no"},
                compilers=GCC,
                elsewhere=None,
            ),
        )
