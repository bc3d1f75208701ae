"""Files that mean something of the calling process, by every way in which a command can name them."""

from __future__ import annotations

import os
from pathlib import Path

from tests.exact.harness import ExactTestCase, Row

WORDS = "-DVALUE=7 -O1\n"
FILES = {
    "w.c": "int w = VALUE;\n",
    "own.h": "#define VALUE 7\n",
    "other/in.h": "#define VALUE 8\n",
    "quoted.c": '#include "/dev/stdin"\nint w = VALUE;\n',
    "dated.c": '#include "/dev/stdin"\nint w = VALUE + sizeof __TIME__;\n',
    "computed.c": "#define IN </dev/fd/0>\n#include IN\nint w = VALUE;\n",
    "asked.c": '#if __has_include("/dev/fd/7")\nint w = 7;\n#else\nint w = 8;\n#endif\n',
    "nested.c": '#include "nested.h"\nint w = VALUE;\n',
    "nested.h": '#include "/proc/self/fd/0"\n',
    "link.c": '#include "in.h"\nint w = VALUE;\n',
    "angled.c": "#include <in.h>\nint w = VALUE;\n",
    "data.c": '__asm__(".globl w\\nw: .incbin \\"/dev/stdin\\"\\n");\n',
    "plain.c": "int plain;\n",
}


# Has none of the script's streams: whoever reads those would wait if nobody read the pipe.
WRITES = "timeout 20 bash -c 'cat $1 > $2' - {} {} > /dev/null 2>&1 &"


def links(folder: Path) -> None:
    (folder / "in.h").symlink_to("/proc/self/fd/0")
    (folder / "stdin").symlink_to("/dev/stdin")
    (folder / "out.o").symlink_to("/dev/fd/8")
    (folder / "descriptors").symlink_to("/dev/fd")
    os.mkfifo(folder / "fifo.c")
    (folder / "first").mkdir()
    os.mkfifo(folder / "first/in.h")


def row(script: str, *, clang: bool = False) -> Row:
    """Return a compile that stays with its caller."""
    compilers = ("gcc", "clang") if clang else ("gcc",)
    return Row(script=script, files=FILES, prepare=links, compilers=compilers, elsewhere=False)


class CallersOwnTests(ExactTestCase):
    async def test_words(self) -> None:
        """Response files, sources, headers and folders of the command; nothing is lost of stdin."""
        await self.are_exact(
            row(f"echo '{WORDS}' | $CC @/dev/stdin -c w.c", clang=True),
            row(f"$CC @<(echo '{WORDS}') -c w.c"),
            row("cat own.h | $CC -imacros /dev/fd/0 -c w.c; cat", clang=True),
            row("$CC -include stdin -c w.c < own.h"),
            row("cd other; $CC -I/proc/self/cwd -c ../angled.c"),
            row(WRITES.format("plain.c", "fifo.c") + "$CC -c fifo.c -o w.o"),
        )

    async def test_what_a_source_asks_for(self) -> None:
        """What a source includes, or asks for; a dated one is not even sent as text."""
        await self.are_exact(
            row("$CC -c quoted.c -o w.o < own.h", clang=True),
            row("cat own.h | $CC -c dated.c -o w.o; cat"),
            *(row(f"$CC -c {name}.c -o w.o < own.h") for name in ("computed", "nested", "link", "data")),
            row("$CC -c asked.c -o w.o 7< own.h"),
            row(WRITES.format("own.h", "first/in.h") + "$CC -Ifirst -Iother -c angled.c -o w.o"),
        )

    async def test_null(self) -> None:
        """The null device is the same for everybody: some configurations include it."""
        named = '#define CONFIG "/dev/null"\n'
        uses = "#ifdef CONFIG\n#include CONFIG\n#endif\nint x;\n"
        await self.are_exact(
            Row(script="$CC -MD -g -c w.c", files={"w.c": f"//{named}{uses}"}),
            Row(script="$CC -MD -g -c w.c", files={"w.c": named + uses}),
        )

    async def test_outputs(self) -> None:
        """Outputs that are the caller's descriptors."""
        await self.are_exact(
            row("$CC -c plain.c -o out.o 8> made; $CC -c plain.c -MD -MF descriptors/9 9> rules"),
        )

    async def test_text(self) -> None:
        """The preprocessor that runs here is no more the caller than a server is."""
        await self.are_exact(
            row("cat own.h | $CC -c nested.c -o w.o; cat; $CC -c asked.c -o w.o 7< own.h"),
            row(WRITES.format("own.h", "first/in.h") + "$CC -Ifirst -Iother -c angled.c -o w.o"),
            DISTCC_REMOTE_CPP="0",
        )
