"""Compiles whose options name files to read: lists, and profiles."""

from __future__ import annotations

from tests.exact.harness import ExactTestCase, Row

SOURCE = """int checked(int *p) { return *p + 1; }
int left(int *p) { return *p + 2; }
int main(int count, char **words)
{
    for (int i = 0; i < 1000; i++)
        if (count > i)
            left(&count);
    return 0;
}
"""
FILES = {"w.c": SOURCE, "lists/left.txt": "fun:left\n"}
CLANG = ("clang",)
PROFILE = (
    "{ clang -fprofile-instr-generate -O1 w.c -o w && LLVM_PROFILE_FILE=w.raw ./w"
    " && llvm-profdata merge w.raw -o w.profdata && rm w w.raw; } || exit; "
)


class ListedInputTests(ExactTestCase):
    async def test_lists(self) -> None:
        """Functions that a list names are left alone, also after the list has changed."""
        lists = "-fsanitize=address -fsanitize-ignorelist=lists/left.txt"
        await self.are_exact(
            Row(script=f"$CC {lists} -MD -g -c w.c", files=FILES, compilers=CLANG),
            Row(
                script=f"$CC {lists} -c w.c -o one.o; echo fun:checked > lists/left.txt;"
                f" $CC {lists} -c w.c -o two.o; cmp -s one.o two.o; echo $?",
                files=FILES,
                compilers=CLANG,
            ),
            Row(
                script="$CC -fsanitize-coverage=trace-pc-guard"
                " -fsanitize-coverage-ignorelist=$PWD/lists/left.txt -O1 -c w.c",
                files=FILES,
                compilers=CLANG,
            ),
            Row(script=f"$CC -E w.c > w.i; $CC {lists} -c w.i", files=FILES, compilers=CLANG),
        )

    async def test_profiles(self) -> None:
        """What a program has done decides how it is compiled."""
        await self.are_exact(
            Row(
                script=PROFILE + "$CC -fprofile-use=w.profdata -O2 -g -c w.c -o w.o",
                files=FILES,
                compilers=CLANG,
            )
        )

    async def test_crashes(self) -> None:
        """Where reports of crashes would go makes no difference."""
        await self.are_exact(
            Row(script="$CC -fcrash-diagnostics-dir=../x -MD -c w.c", files=FILES, compilers=CLANG)
        )

    async def test_here(self) -> None:
        """Files that are not there, or that only the caller can open, are complained of here."""
        await self.are_exact(
            *(
                Row(
                    script=f"$CC -fsanitize=address -fsanitize-ignorelist={name} -c w.c",
                    files=FILES,
                    compilers=CLANG,
                    elsewhere=False,
                )
                for name in ("none", "lists", "/dev/fd/0", "<(echo fun:left)")
            ),
            Row(script="$CC -fprofile-use=lists -c w.c", files=FILES, compilers=CLANG, elsewhere=False),
        )
