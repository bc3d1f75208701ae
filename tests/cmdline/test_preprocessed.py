"""What preprocessed text may still read, and variables that change a compiler."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cmdline.environment import environment_forbids
from twisted_distcc.cmdline.preprocessed import source_forbids


class SourceTests(SynchronousTestCase):
    """Directives that read files of the machine that wrote the text."""

    def test_assembler_sources(self) -> None:
        """Directives are found wherever the assembler finds them, in letters of any case."""
        for text in (
            b'.incbin "x"',
            b'  .incbin\t"x",1,2',
            b'.globl a\na: .incbin "x"',
            b'a:.incbin"x"',
            b'nop; .INCBIN "x"',
            b'nop;.IncBin "x"',
        ):
            self.assertEqual(
                "the assembler directive .incbin reads a file on this machine",
                source_forbids(text),
                text,
            )
        self.assertEqual(
            "the assembler directive .include reads a file on this machine",
            source_forbids(b'\t.include "x"\n'),
        )

    def test_assembler_in_c(self) -> None:
        """Directives within string literals of other languages are found."""
        for text in (
            rb'asm(".incbin \"x\"");',
            rb'__asm__("a:\n.incbin \"x\"\n");',
            rb'__asm__("a:\n\t.incbin \"x\"\n");',
            rb'asm("\011.incbin \"x\"");',
            rb'asm("nop\12.include \"x\"");',
            b'asm("nop;.incbin " "x");',
            b'asm(R"(.incbin "x")");',
            b'asm("x: .include\\t\\"y\\"");',
        ):
            self.assertIsNotNone(source_forbids(text), text)

    def test_precompiled(self) -> None:
        """Pragmas that read precompiled files are found."""
        self.assertEqual(
            "#pragma GCC pch_preprocess reads a precompiled file on this machine",
            source_forbids(b'int a;\n#pragma  GCC pch_preprocess "x.gch"\n'),
        )
        self.assertEqual(
            "#pragma clang module reads a precompiled file on this machine",
            source_forbids(b"# pragma clang module import x\n"),
        )

    def test_harmless(self) -> None:
        """Members, names, line markers and other pragmas are no directives."""
        for text in (
            b"",
            b"int a;\n",
            b'# 1 "x.include"\n',
            b"set.include(x); set.include (x); f().include (x); a[1].incbin (x);",
            b'const char *s = "file.include x";',
            b".includes .incbin_x .incbinary",
            b".inc x",
            b"#pragma GCC diagnostic push\n#pragma clang diagnostic push\n",
            b'"$.incbin"',
        ):
            self.assertIsNone(source_forbids(text), text)


class EnvironmentTests(SynchronousTestCase):
    """Variables that make a compile do more than its command says."""

    def test_dependencies(self) -> None:
        """The two variables that gcc's manual gives for dependency files keep a compile local."""
        for name in ("DEPENDENCIES_OUTPUT", "SUNPRO_DEPENDENCIES"):
            self.assertEqual(
                f"the environment variable {name} asks the compiler to add to a dependency file",
                environment_forbids({"PATH": "/bin", name: "x"}),
            )

    def test_others(self) -> None:
        """Variables that change programs or options keep it local, too."""
        for name in (
            "GCC_EXEC_PREFIX",
            "GCC_ROOT",
            "BINUTILS_ROOT",
            "MACOSX_DEPLOYMENT_TARGET",
            "COMPILER_PATH",
            "CCC_OVERRIDE_OPTIONS",
            "CC_PRINT_OPTIONS",
        ):
            self.assertIn(name, environment_forbids({name: "x"}) or "")

    def test_harmless(self) -> None:
        """Empty ones, and those of the preprocessor, which runs locally, do not matter."""
        env = {"PATH": "/bin", "CPATH": "/x", "SOURCE_DATE_EPOCH": "1", "DEPENDENCIES_OUTPUT": ""}
        self.assertIsNone(environment_forbids(env))
        self.assertIsNone(environment_forbids({}))
