"""What a compiler consists of, for the compilers of this machine and for scripts that call them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.toolchain.blocking_probe import ask
from twisted_distcc.toolchain.digest import is_driver
from twisted_distcc.toolchain.discovery import Toolchain, discover
from twisted_distcc.toolchain.elf import needed
from twisted_distcc.toolchain.known_toolchains import Toolchains

ENVIRON = {"PATH": "/usr/bin:/bin"}
WHOLE = "/usr"
WRAPPER = """\
#include <unistd.h>
int main(int count, char **words)
{
    words[0] = "/usr/bin/gcc";
    return count ? execv(words[0], words) : 1;
}
"""


def names(toolchain: Toolchain) -> set[str]:
    return {os.path.basename(path).split("-")[-1] for path in toolchain.programs[1:]}


def is_shown(toolchain: Toolchain, path: str) -> bool:
    real = os.path.realpath(path)
    return any(f"{real}/".startswith(f"{mount}/") for mount in toolchain.view.mounts)


class DiscoveryTests(SynchronousTestCase):
    def discovered(self, compiler: str) -> Toolchain:
        return discover(compiler, ENVIRON, ["/bin/sh"])

    def assert_narrow(self, toolchain: Toolchain) -> None:
        """It shows the shell, all programs and their libraries, and not what everybody may read."""
        self.assertFalse(toolchain.is_whole_system)
        for path in (*toolchain.programs, "/bin/sh"):
            self.assertTrue(is_shown(toolchain, path), path)
        for path in (
            "/etc/passwd",
            "/usr/bin/env",
            "/usr/bin/ld",
            "/usr/include",
            "/usr/share",
            "/home",
        ):
            self.assertFalse(is_shown(toolchain, path), path)

    def test_gcc(self) -> None:
        """gcc starts a compiler proper for each language, and the assembler."""
        for compiler in ("/usr/bin/gcc", "/usr/bin/g++"):
            found = self.discovered(compiler)
            self.assert_narrow(found)
            self.assertEqual(found.compiler, compiler)
            self.assertLessEqual({"cc1", "cc1plus", "as"}, names(found))

    def test_clang(self) -> None:
        """clang is one program, with libraries of its own and an assembler that it may use."""
        found = self.discovered("/usr/bin/clang")
        self.assert_narrow(found)
        self.assertIn("as", names(found))
        self.assertTrue(any("LLVM" in path for path in found.view.mounts))

    def test_a_cross_compiler(self) -> None:
        """It has an assembler of its own, not this machine's."""
        compiler = "/usr/bin/aarch64-linux-gnu-gcc"
        found = self.discovered(compiler)
        self.assert_narrow(found)
        (assembler,) = (path for path in found.programs[1:] if path.endswith("as"))
        self.assertIn("aarch64", assembler)
        self.assertIn("cc1", names(found))
        self.assertFalse(is_shown(found, "/usr/bin/as"))

    if not os.path.exists("/usr/bin/aarch64-linux-gnu-gcc"):
        test_a_cross_compiler.skip = (  # type: ignore[attr-defined]
            "no cross compiler is installed (Debian: apt-get install gcc-aarch64-linux-gnu)"
        )

    def test_a_script(self) -> None:
        """Nobody knows what a script starts: it is shown what is installed, and nobody's home."""
        path = Path(self.mktemp())
        path.write_text('#!/bin/sh\nexec gcc "$@"\n')
        path.chmod(0o755)
        found = self.discovered(str(path.absolute()))
        self.assertTrue(found.is_whole_system)
        self.assertEqual(found.programs, (str(path.absolute()),))
        self.assertEqual(found.parts(), ())
        self.assertTrue(is_shown(found, "/usr/bin/env"))
        self.assertTrue(is_shown(found, str(path)))
        for hidden in ("/etc/passwd", "/home", "/root", "/var", "/tmp", "/proc", "/sys"):
            self.assertFalse(is_shown(found, hidden), hidden)

    def test_a_wrapper(self) -> None:
        """A program that starts a compiler, and may add to its options, is none itself."""
        source, wrapper = Path(self.mktemp()), Path(self.mktemp()).absolute()
        source.write_text(WRAPPER)
        subprocess.run(["/usr/bin/gcc", "-x", "c", source, "-o", wrapper], check=True)
        found = self.discovered(str(wrapper))
        self.assertIn("cc1", names(found))
        self.assertEqual(found.parts(), ())

    def test_drivers(self) -> None:
        """Drivers are told from what starts them, ccache among them."""
        for path in ("/usr/bin/gcc", "/usr/bin/g++", "/usr/bin/clang"):
            self.assertTrue(is_driver(path), path)
        for path in ("/bin/sh", "/usr/bin/ccache"):
            self.assertFalse(os.path.exists(path) and is_driver(path), path)

    def relocated(self) -> Path:
        """Give a folder in which gcc looks for what is its own, with a gcc."""
        folder = Path(os.path.abspath(self.mktemp()))
        (folder / "bin").mkdir(parents=True)
        shutil.copy("/usr/bin/gcc", folder / "bin/gcc")
        (folder / "lib/gcc").mkdir(parents=True)
        [target] = ask(["/usr/bin/gcc", "-dumpmachine"], ENVIRON).split()
        [version] = ask(["/usr/bin/gcc", "-dumpversion"], ENVIRON).split()
        (folder / "lib/gcc" / target).mkdir()
        os.symlink(f"/usr/lib/gcc/{target}/{version}", folder / "lib/gcc" / target / version)
        return folder

    def test_specs(self) -> None:
        """Specs, which replace what gcc has of its own, are a part of it, wherever it finds them."""
        folder = self.relocated()
        compiler = str(folder / "bin/gcc")
        before = self.discovered(compiler).parts()
        self.assertNotEqual(before, ())
        (folder / "lib/gcc/specs").write_text("*cc1:\n+ -funsigned-char\n\n")
        after = {part.role for part in self.discovered(compiler).parts()}
        self.assertEqual(after - {part.role for part in before}, {"file specs"})

    def test_libraries_of_the_environment(self) -> None:
        """Libraries that the environment puts in place of the system's are a part of it."""
        library = next(path for path in needed("/usr/bin/clang") if "libLLVM" in path)
        folder = Path(os.path.abspath(self.mktemp()))
        folder.mkdir()
        shutil.copy(library, folder)
        environ = {**ENVIRON, "LD_LIBRARY_PATH": str(folder)}
        found = discover("/usr/bin/clang", environ, [])
        self.assertIn(str(folder / os.path.basename(library)), found.libraries)

    def test_none(self) -> None:
        """A compiler that is not there is an error, and no view of everything."""
        with self.assertRaises(OSError):
            self.discovered("/no/such/gcc")


class KnownTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.asked: list[str] = []
        self.path = self.mktemp()
        shutil.copy("/bin/true", self.path)
        self.toolchains = Toolchains(self.discover)

    def discover(self, path: str) -> Toolchain:
        self.asked.append(path)
        return discover(os.path.abspath(path), ENVIRON, [])

    def test_once(self) -> None:
        """A compiler is asked about itself once."""
        self.assertFalse(self.toolchains.knows(self.path))
        self.toolchains.learn(self.path)
        self.toolchains.learn(self.path)
        self.assertTrue(self.toolchains.knows(self.path))
        self.assertEqual(self.asked, [self.path])

    def test_anew(self) -> None:
        """It is asked again where that is wanted: what lies beside it may have changed."""
        self.toolchains.learn(self.path)
        self.toolchains.learn(self.path, anew=True)
        self.assertEqual(self.asked, [self.path] * 2)

    def test_replaced(self) -> None:
        """One that was replaced, as by an upgrade, is another one."""
        self.toolchains.learn(self.path)
        shutil.copy("/bin/false", f"{self.path}.new")
        os.rename(f"{self.path}.new", self.path)
        self.assertFalse(self.toolchains.knows(self.path))
        self.toolchains.learn(self.path)
        self.assertEqual(self.asked, [self.path] * 2)

    def test_removed(self) -> None:
        """One that is gone is known no more, and cannot be learned."""
        self.toolchains.learn(self.path)
        os.unlink(self.path)
        self.assertFalse(self.toolchains.knows(self.path))
        with self.assertRaises(FileNotFoundError):
            self.toolchains.learn(self.path)
