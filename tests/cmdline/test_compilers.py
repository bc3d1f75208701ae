"""Names of compilers."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cmdline.compilers import Compiler, Family, recognise


class RecogniseTests(SynchronousTestCase):
    """Which names are taken for compilers, and for which."""

    def test_names(self) -> None:
        """Versions, targets and folders do not hide a compiler."""
        for names, compiler in (
            (
                "gcc gcc-12 gcc-12.2 gcc12 /usr/bin/gcc x86_64-linux-gnu-gcc-12 musl-gcc c99-gcc "
                "aarch64-linux-gnu-gcc-12 x86_64-w64-mingw32-gcc-posix i686-mingw32-gcc-12-win32",
                Compiler(Family.GCC, cxx=False),
            ),
            ("g++ g++-12 arm-none-eabi-g++ /opt/x/bin/g++", Compiler(Family.GCC, cxx=True)),
            (
                "clang clang-14 clang14 armv7a-linux-androideabi21-clang ../clang",
                Compiler(Family.CLANG, cxx=False),
            ),
            ("clang++ clang++-14 aarch64-clang++", Compiler(Family.CLANG, cxx=True)),
            ("cc c89 c99 i686-linux-gnu-cc", Compiler(Family.GENERIC, cxx=False)),
            ("c++ x86_64-linux-gnu-c++", Compiler(Family.GENERIC, cxx=True)),
        ):
            for name in names.split():
                self.assertEqual(compiler, recognise(name), name)

    def test_other_names(self) -> None:
        """Tools that are named like compilers are not taken for them."""
        names = (
            "gcc-ar gcc-nm clang-cl clang-cpp clang-format clang-tidy c++filt cpp ccache distcc "
            "tdistcc icc tcc rustc gfortran gnat gccgo nvcc ld as sh /usr/bin/ . .. - -gcc"
        )
        for name in names.split():
            self.assertIsNone(recognise(name), name)
        self.assertIsNone(recognise(""))
        self.assertIsNone(recognise("gcc/"))
        self.assertIsNone(recognise("gcc\n"))
