"""What compilers of Debian print about themselves, as recorded, and what is read from it."""

from __future__ import annotations

from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cmdline.compiler_answers import (
    HeaderSearch,
    configuration_files,
    gcc_markers,
    header_search,
    install_folders,
    program_folders,
    specs_files,
)

# `gcc-12 -x c -Inope -iquote /tmp -I/usr/include -E -v /dev/null`, from the first line about folders.
GCC_12: Final = """\
ignoring nonexistent directory "/usr/local/include/x86_64-linux-gnu"
ignoring nonexistent directory "/usr/lib/gcc/x86_64-linux-gnu/12/include-fixed"
ignoring nonexistent directory "/usr/lib/gcc/x86_64-linux-gnu/12/../../../../x86_64-linux-gnu/include"
ignoring nonexistent directory "nope"
ignoring duplicate directory "/usr/include"
  as it is a non-system directory that duplicates a system directory
#include "..." search starts here:
 /tmp
#include <...> search starts here:
 /usr/lib/gcc/x86_64-linux-gnu/12/include
 /usr/local/include
 /usr/include/x86_64-linux-gnu
 /usr/include
End of search list.
COMPILER_PATH=/usr/lib/gcc/x86_64-linux-gnu/12/:/usr/lib/gcc/x86_64-linux-gnu/
"""

# `gcc-11 -x c++ -E -v /dev/null`
GCC_11_CXX: Final = """\
ignoring duplicate directory "/usr/include/x86_64-linux-gnu/c++/11"
ignoring nonexistent directory "/usr/local/include/x86_64-linux-gnu"
#include "..." search starts here:
#include <...> search starts here:
 /usr/include/c++/11
 /usr/include/x86_64-linux-gnu/c++/11
 /usr/include/c++/11/backward
 /usr/lib/gcc/x86_64-linux-gnu/11/include
 /usr/local/include
 /usr/include/x86_64-linux-gnu
 /usr/include
End of search list.
"""

# `aarch64-linux-gnu-gcc -x c -E -v /dev/null`, gcc 12 for another machine
CROSS: Final = """\
ignoring nonexistent directory "/usr/lib/gcc-cross/aarch64-linux-gnu/12/include-fixed"
ignoring nonexistent directory "/usr/include/aarch64-linux-gnu"
#include "..." search starts here:
#include <...> search starts here:
 /usr/lib/gcc-cross/aarch64-linux-gnu/12/include
 /usr/include
End of search list.
"""

# `clang-14 -x c -F/tmp -E -v /dev/null`, without the command that it starts
CLANG_14: Final = """\
Debian clang version 14.0.6
Target: x86_64-pc-linux-gnu
Thread model: posix
InstalledDir: /usr/bin
Found candidate GCC installation: /usr/bin/../lib/gcc/x86_64-linux-gnu/11
Found candidate GCC installation: /usr/bin/../lib/gcc/x86_64-linux-gnu/12
Selected GCC installation: /usr/bin/../lib/gcc/x86_64-linux-gnu/12
Candidate multilib: .;@m64
Selected multilib: .;@m64
Found CUDA installation: /usr/local/cuda, version 
 (in-process)
ignoring nonexistent directory "/include"
#include "..." search starts here:
#include <...> search starts here:
 /tmp (framework directory)
 /usr/lib/llvm-14/lib/clang/14.0.6/include
 /usr/local/include
 /usr/include/x86_64-linux-gnu
 /usr/include
End of search list.
"""  # noqa: W291

# The ends of `-nostdinc -E -v`: clang leaves a line out.
GCC_NOWHERE: Final = """\
#include "..." search starts here:
#include <...> search starts here:
End of search list.
"""
CLANG_NOWHERE: Final = """\
#include "..." search starts here:
End of search list.
"""

GCC_DIRS: Final = """\
install: /usr/lib/gcc/x86_64-linux-gnu/12/
programs: =/usr/lib/gcc/x86_64-linux-gnu/12/:/usr/lib/gcc/x86_64-linux-gnu/
libraries: =/usr/lib/gcc/x86_64-linux-gnu/12/:/lib/x86_64-linux-gnu/
"""
CLANG_DIRS: Final = """\
programs: =/usr/bin:/usr/lib/llvm-14/bin
libraries: =/usr/lib/llvm-14/lib/clang/14.0.6:/lib:/usr/lib
"""


class HeaderSearchTests(SynchronousTestCase):
    """Lists of folders, and the lines above them about folders left out."""

    def test_gcc(self) -> None:
        """Both lists are read; a duplicate is not absent, and a relative name stays as it is."""
        gcc = "/usr/lib/gcc/x86_64-linux-gnu/12"
        self.assertEqual(
            header_search(GCC_12),
            HeaderSearch(
                quote=("/tmp",),
                angled=(
                    f"{gcc}/include",
                    "/usr/local/include",
                    "/usr/include/x86_64-linux-gnu",
                    "/usr/include",
                ),
                absent=(
                    "/usr/local/include/x86_64-linux-gnu",
                    f"{gcc}/include-fixed",
                    f"{gcc}/../../../../x86_64-linux-gnu/include",
                    "nope",
                ),
                has_frameworks=False,
            ),
        )

    def test_gcc_for_cxx(self) -> None:
        """The C++ library comes first; of a folder named twice the first stays, and it exists."""
        found = header_search(GCC_11_CXX)
        assert found is not None
        self.assertEqual(
            found.angled[:2], ("/usr/include/c++/11", "/usr/include/x86_64-linux-gnu/c++/11")
        )
        self.assertEqual((len(found.angled), len(found.absent)), (7, 1))

    def test_a_cross_compiler(self) -> None:
        """A compiler for another machine answers in the same form."""
        found = header_search(CROSS)
        assert found is not None
        self.assertEqual(
            found.angled, ("/usr/lib/gcc-cross/aarch64-linux-gnu/12/include", "/usr/include")
        )
        self.assertEqual(found.absent[1], "/usr/include/aarch64-linux-gnu")

    def test_clang(self) -> None:
        """A folder of frameworks is noted, and is not among the folders."""
        found = header_search(CLANG_14)
        assert found is not None
        self.assertTrue(found.has_frameworks)
        self.assertEqual(found.angled[0], "/usr/lib/llvm-14/lib/clang/14.0.6/include")
        self.assertEqual((len(found.angled), found.absent), (4, ("/include",)))

    def test_nowhere(self) -> None:
        """To search nowhere is an answer, with clang's missing line too."""
        for said in (GCC_NOWHERE, CLANG_NOWHERE):
            self.assertEqual(header_search(said), HeaderSearch((), (), (), has_frameworks=False))

    def test_no_answer(self) -> None:
        """A list that is missing, translated or cut short is no answer."""
        cut = GCC_12.partition("End of")[0]
        translated = GCC_12.replace("search starts here", "Suche beginnt hier")
        for said in ("", "cc: error: no input files\n", cut, translated):
            self.assertIsNone(header_search(said), said)


class InstallationTests(SynchronousTestCase):
    """Where compilers keep what is their own."""

    def test_search_dirs(self) -> None:
        """Both name folders of programs; only gcc names its own."""
        gcc = "/usr/lib/gcc/x86_64-linux-gnu"
        self.assertEqual(install_folders(GCC_DIRS), (f"{gcc}/12/",))
        self.assertEqual(program_folders(GCC_DIRS), [f"{gcc}/12/", f"{gcc}/"])
        self.assertEqual(install_folders(CLANG_DIRS), ())
        self.assertEqual(program_folders(CLANG_DIRS), ["/usr/bin", "/usr/lib/llvm-14/bin"])

    def test_settings(self) -> None:
        """Files are named in whole lines; specs that are built in are no file."""
        clang = "InstalledDir: /usr/bin\nConfiguration file: /etc/clang/x y.cfg\n"
        gcc = "Reading specs from /opt/lib/gcc/specs\nCOLLECT_GCC=gcc-12\n"
        self.assertEqual(configuration_files(clang), ("/etc/clang/x y.cfg",))
        self.assertEqual(specs_files(gcc), ("/opt/lib/gcc/specs",))
        self.assertEqual(specs_files("Using built-in specs.\nCOLLECT_GCC=gcc-12\n"), ())

    def test_gcc_of_clang(self) -> None:
        """Clang knows a GCC by its `crtbegin.o`, and by that of a multilib which is not the default."""
        gcc = "/usr/bin/../lib/gcc/x86_64-linux-gnu/12"
        self.assertEqual(gcc_markers(CLANG_14), (f"{gcc}/crtbegin.o",))
        narrow = CLANG_14.replace("Selected multilib: .;@m64", "Selected multilib: 32;@m32")
        self.assertEqual(gcc_markers(narrow), (f"{gcc}/32/crtbegin.o", f"{gcc}/crtbegin.o"))
        self.assertEqual(gcc_markers(GCC_12), ())
