"""Outputs in folders that others can write to, who change what is there at the worst moment."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from twisted_distcc.client.results.compile_folders import JobFolders
from twisted_distcc.client.results.outputs import LeftToCompilerError, Outputs, is_new
from twisted_distcc.cmdline.foreseen import Existing

PRECIOUS = b"precious"


class SharedFolderTests(SynchronousTestCase):
    """Somebody else acts between two system calls of ours."""

    def setUp(self) -> None:
        self.base = Path(self.mktemp()).absolute()
        self.shared, self.home = self.base / "shared", self.base / "home"
        for folder in (self.shared, self.home):
            folder.mkdir(parents=True)
        self.precious = self.home / "precious"
        self.precious.write_bytes(PRECIOUS)
        self.outputs = Outputs(0o022)
        self.addCleanup(self.outputs.discard)

    def untouched(self) -> None:
        self.assertEqual(os.listdir(self.home), ["precious"])
        self.assertEqual(self.precious.read_bytes(), PRECIOUS)

    def test_folder_that_becomes_another(self) -> None:
        """Both outputs get into the folder that was looked at, wherever its name leads by then."""
        way, aside = self.base / "way", self.base / "aside"
        way.symlink_to("shared")

        def contents() -> Iterator[bytes]:
            aside.symlink_to("home")
            aside.rename(way)
            yield b"object"

        self.outputs.add(str(way / "w.o"), Existing.REPLACED, contents())
        self.outputs.show()
        self.outputs.discard()
        self.assertEqual(os.listdir(self.shared), ["w.o"])
        self.untouched()

    def test_nothing_left_in_a_folder_that_becomes_another(self) -> None:
        """What was made ready and is not wanted is removed from the folder that it was made in."""
        way = self.base / "way"
        self.shared.rename(way)
        self.outputs.add(str(way / "w.o"), Existing.REPLACED, [b"object"])
        way.rename(self.shared)
        way.symlink_to("home")
        self.outputs.discard()
        self.assertEqual(os.listdir(self.shared), [])
        self.untouched()

    def test_rules_that_become_another_file(self) -> None:
        """Whatever takes the place of a dependency file is not followed, emptied or waited for."""
        rules = self.shared / "w.d"
        swaps: list[Callable[[], object]] = [
            lambda: rules.symlink_to(self.precious),
            lambda: os.link(self.precious, rules),
            lambda: os.mkfifo(rules),
            rules.mkdir,
            lambda: None,
        ]
        for swap in swaps:
            rules.write_bytes(b"of before")

            def swapping(path: Any, flags: int, *rest: Any, swap: Any = swap, **how: Any) -> int:
                if flags & os.O_WRONLY:
                    rules.unlink()
                    swap()
                return os.open(path, flags, *rest, **how)

            with patch("twisted_distcc.client.results.outputs.os", _OsWith(open=swapping)):
                add = (self.outputs.add, str(rules), Existing.OVERWRITTEN, [b"w.o: w.c\n"])
                self.assertRaises(LeftToCompilerError, *add)
            self.untouched()
            remains = os.listdir(self.shared)
            self.assertIn(remains, ([], ["w.d"]))
            if remains:
                (rules.rmdir if rules.is_dir() and not rules.is_symlink() else rules.unlink)()

    def test_temporary_folder_that_becomes_a_link(self) -> None:
        """Nothing is removed by way of what has taken the place of a folder for temporary files."""
        folder = JobFolders().new(str(self.shared), keep=False)
        path = Path(folder)
        path.rename(self.base / "aside")
        path.symlink_to(self.home)
        folder.close()
        self.untouched()

    def test_rules_of_others(self) -> None:
        """Whether a file of others in a sticky folder may be written to is for the kernel to say."""
        if os.geteuid():
            raise SkipTest("it takes root to have files of others")
        rules = self.shared / "w.d"
        rules.write_bytes(b"of others")
        rules.chmod(0o666)
        os.chown(rules, 12345, 12345)
        self.assertFalse(is_new(str(rules), Existing.OVERWRITTEN))
        self.shared.chmod(0o1777)
        self.assertRaises(LeftToCompilerError, is_new, str(rules), Existing.OVERWRITTEN)
        os.chown(self.shared, 12345, 12345)
        self.assertFalse(is_new(str(rules), Existing.OVERWRITTEN))


class _OsWith:
    """The module `os`, with some functions of the test's."""

    def __init__(self, **functions: Callable[..., Any]) -> None:
        self.__dict__.update(functions)

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)
