"""Sources that read files, for real compilers: under the sandbox there is nothing to read."""

from __future__ import annotations

from tests.hostile.exploits import ExploitTestCase, compilers
from tests.server.talk import Answer, ask

SECRET = b"not for jobs"

# Ways to have a compiler open a file, by the language of the source.
ASSEMBLER = (
    '.incbin "{path}"\n',
    '.include "{path}"\n',
    ".macro quote\n .incbin {path}\n.endm\nquote\n",
    '.file 1 "{path}"\n.loc 1 1\nnop\n',
)
INCBIN = 'asm(".incbin \\"{path}\\"");\n'
INCLUDE = '#include "{path}"\n'
# A compiler shows the line that it complains of, out of the file that the source claims to be.
COMPLAINT = '# 1 "{path}"\nint x = ;\n'
C = (
    INCBIN,
    INCLUDE,
    COMPLAINT,
    'asm(".inc" "lude \\"{path}\\"");\n',
    '#include_next "{path}"\n',
    '#embed "{path}"\n',
    'const char data[] = {{\n#embed "{path}"\n}};\n',
    '#if __has_include("{path}")\nint there = "not for jobs";\n#endif\n',
    '#pragma GCC pch_preprocess "{path}"\n',
    '#pragma clang module import secret\n#pragma clang module build secret "{path}"\n',
    '#pragma GCC dependency "{path}" not for whom\n',
    '#line 1 "{path}"\nint x = ;\n',
)
COMPILERS = ("cc", "clang")
LEAKS = {"cc": [INCBIN, COMPLAINT], "clang": [INCBIN, INCLUDE]}


class SourceTests(ExploitTestCase):
    async def compiled(self, port: int, compiler: str, suffix: str, source: str) -> Answer:
        text = source.format(path=compilers() / "secret").encode()
        return await ask(port, (compiler, "-g", "-c", f"attack.{suffix}"), text)

    async def leaks(self, port: int, compiler: str, suffix: str, sources: tuple[str, ...]) -> list[str]:
        """Give the sources whose result holds what the file says."""
        answers = [await self.compiled(port, compiler, suffix, source) for source in sources]
        return [
            source
            for source, answer in zip(sources, answers, strict=True)
            if SECRET in answer.object_file + answer.stderr.encode() + answer.stdout
        ]

    async def test_nothing_to_read(self) -> None:
        """No way that there is leads to a file of the server's, and honest jobs go on."""
        server = await self.serve_exploited()
        for compiler in COMPILERS:
            self.assertEqual(await self.leaks(server.port, compiler, "c", C), [])
            self.assertEqual(await self.leaks(server.port, compiler, "s", ASSEMBLER), [])
            await self.honest(server)

    async def test_without_walls(self) -> None:
        """Without the sandbox some of these ways lead there, so it is the walls that end them."""
        server = await self.serve_exploited("--sandbox=off")
        for compiler in COMPILERS:
            leaks = await self.leaks(server.port, compiler, "c", (INCBIN, COMPLAINT, INCLUDE))
            self.assertEqual(leaks, LEAKS[compiler])
