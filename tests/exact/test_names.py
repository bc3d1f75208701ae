"""Headers that are called like what compilers and libraries look for by themselves."""

from __future__ import annotations

from pathlib import Path

from tests.exact.harness import ExactTestCase, Row

LIKE_PROGRAMS = ("as", "cc1plus.h", "xcc", "objcopy")
# A server takes none of these from a client: they travel in the preprocessed text, or not at all.
LOADED = ("a.mo", "LC_CTYPE", "gconv-modules.h", "a.cfg")


def _linked(folder: Path) -> None:
    (folder / "ld").symlink_to("as")


def _including(names: tuple[str, ...]) -> dict[str, str]:
    source = "".join(f'#include "{name}"\n' for name in names)
    return {"w.c": source} | {name: f"int x{number};\n" for number, name in enumerate(names)}


class NamesTests(ExactTestCase):
    async def test_headers(self) -> None:
        """Whatever a header is called, the compile is exact, and one like a program travels."""
        files = _including(LIKE_PROGRAMS)
        linked = {**files, "w.c": files["w.c"] + '#include "ld"\n'}
        await self.are_exact(
            Row(script="$CC -I. -g -MD -c w.c", files=files),
            Row(script="$CC -I. -g -c w.c", files=linked, prepare=_linked),
            Row(script="$CC -I. -g -c w.c", files=_including(LOADED), elsewhere=None),
        )
