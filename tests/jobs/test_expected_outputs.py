"""Outputs by name and by path: what is expected of a command, and what is not."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.jobs.expected_outputs import ExpectedOutputs
from twisted_distcc.jobs.model import DEPENDENCIES, OBJECT


def expected(command: str, directory: str = "/home/ada/p") -> ExpectedOutputs:
    compilation = parse(command.split())
    assert isinstance(compilation, Compilation)
    return ExpectedOutputs.of(compilation, directory)


class ExpectedOutputsTests(SynchronousTestCase):
    def test_names(self) -> None:
        """Object and dependency file have names of their own, the others their paths."""
        outputs = expected("gcc -MD -fstack-usage -c w.c -o ../obj/./w.o")
        for path, name in (("/home/ada/obj/w.o", OBJECT), ("/home/ada/obj/w.d", DEPENDENCIES)):
            found = outputs.find(path)
            assert found is not None
            self.assertEqual(found[0], name)
            self.assertIsNone(outputs.foreseen(name))
        found = outputs.find("/home/ada/obj/w.su")
        assert found is not None
        self.assertEqual(found[0], "/home/ada/obj/w.su")
        made = outputs.foreseen("/home/ada/obj/w.su")
        assert made is not None
        self.assertEqual(made.path, "../obj/./w.su")
        self.assertEqual(outputs.folders, {"/home/ada/obj"})

    def test_what_is_not_expected(self) -> None:
        """No other path is an output, however it is written."""
        outputs = expected("gcc -fstack-usage -c w.c -o obj/w.o")
        for path in (
            "/home/ada/.profile", "/home/ada/p/obj/w.gcno", "/home/ada/p/obj/../obj/w.su", "obj/w.su",
            "/home/ada/p/obj/w.su/", "//home/ada/p/obj/w.su", "/home/ada/p/obj/w.su\n", "",
            "/home/ada/p/obj/w.d",
        ):  # fmt: skip
            self.assertIsNone(outputs.find(path), path)
            self.assertIsNone(outputs.foreseen(path), path)
        for name in (OBJECT, DEPENDENCIES, "/home/ada/p/obj/w.o"):
            self.assertIsNone(outputs.foreseen(name), name)

    def test_absolute(self) -> None:
        """Absolute names stay what they are."""
        outputs = expected("gcc -MD -MF /d/w.d -fstack-usage -c w.c -o /o/w.o")
        self.assertEqual(outputs.folders, {"/o", "/d"})
        self.assertIsNotNone(outputs.foreseen("/o/w.su"))

    def test_behind_links(self) -> None:
        """What is found where a link leads has the name by which the command calls it."""
        outputs = expected("gcc -fstack-usage -c w.c -o obj/w.o")
        laid = outputs.laid(lambda folder: folder.replace("/home/ada", "/data/ada"))
        self.assertIsNone(outputs.find("/data/ada/p/obj/w.su"))
        found = laid.find("/data/ada/p/obj/w.su")
        assert found is not None
        self.assertEqual(found[0], "/home/ada/p/obj/w.su")
        self.assertIsNone(laid.find("/data/ada/p/w.su"))
        self.assertEqual(outputs.laid(str), outputs)
