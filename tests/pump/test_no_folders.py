"""Compilers that are told to search nowhere, as those of kernels and firmware are."""

import shlex
import subprocess

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.pump.search import SearchPath, question


def asked(command: str) -> SearchPath:
    """What a real compiler answers about `command`."""
    compilation = parse(shlex.split(command))
    assert isinstance(compilation, Compilation), compilation
    argv = [compilation.compiler, *question(compilation)]
    ended = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    return SearchPath.parse(ended.stdout, ended.stderr, "/")


class NoFolderTests(SynchronousTestCase):
    """`-nostdinc`."""

    def test_none(self) -> None:
        """No folder of the compiler's own is an answer."""
        for compiler in ("gcc", "clang"):
            path = asked(f"{compiler} -nostdinc -c a.c")
            self.assertEqual((path.quote, path.angled), ((), ()), compiler)
