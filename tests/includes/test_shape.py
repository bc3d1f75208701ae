"""How the files of a compile lie on a server when C distcc's client sends them."""

from __future__ import annotations

import os

from tests.includes.project import ProjectTestCase
from twisted_distcc.client.inputs.sources import Found
from twisted_distcc.includes.shape import Copy
from twisted_distcc.pump.unit import NotForServersError


class ShapeTests(ProjectTestCase):
    def test_relative(self) -> None:
        """Files with relative names are sent as they are."""
        self.write(a_c='#include "a.h"\n', a_h="")
        paths = [self.work / "a.c", self.work / "a.h"]
        shape = self.shape("-c a.c", self.found(*paths))
        self.assertEqual(shape.copies, tuple(Copy(str(path)) for path in paths))
        self.assertEqual(shape.folders, ())

    def test_absolute(self) -> None:
        """A file with an absolute name is given that name, the one that the command has."""
        self.write(a_c="#include <a.h>\n", a_h="")
        os.symlink("work", self.root / "link")
        paths = [self.work / "a.c", self.root / "link/a.h"]
        shape = self.shape(f"-I{self.root}/link -c a.c", self.found(*paths))
        line = f"{self.root}/link/a.h"
        expected = (Copy(f"{self.work}/a.c"), Copy(f"{self.work}/a.h", line))
        self.assertEqual(shape.copies, expected)
        self.assertIn((f"{self.root}/link", "work"), shape.links)

    def test_the_compilers_own(self) -> None:
        """Of the compiler's own folders all that is sent is a link that leads out to the server's."""
        self.write(a_c="#include <s.h>\n")
        (self.own / "s.h").write_text("")
        os.symlink("s.h", self.own / "t.h")
        found = self.found(self.work / "a.c", self.own / "t.h", folders=(self.own,))
        shape = self.shape("-c a.c", found)
        self.assertEqual(shape.copies, (Copy(f"{self.work}/a.c"),))
        [(name, target)] = shape.links
        self.assertEqual(name, str(self.own))
        self.assertEqual(os.path.normpath(os.path.join("/", target)), str(self.own))
        self.assertGreater(target.count("../"), str(self.own).count("/") + 10)
        self.assertEqual(shape.folders, ())

    def test_links_stay_inside(self) -> None:
        """A link with more .. than the root lies deep is made to lead where it leads here."""
        self.write(a_c="")
        far = "../" * (str(self.root).count("/") + 3) + str(self.work)[1:]
        for name, target in (("far", far), ("near", "./work"), ("whole", str(self.work))):
            os.symlink(target, self.root / name)
            shape = self.shape("-c a.c", self.found(self.work / "a.c", self.root / name / "a.c"))
            expected = str(self.work) if name == "far" else target
            self.assertIn((f"{self.root}/{name}", expected), shape.links)

    def test_folders(self) -> None:
        """A folder that is looked in is there."""
        self.write(a_c="")
        (self.work / "i").mkdir()
        shape = self.shape("-Ii -c a.c", self.found(self.work / "a.c", folders=(self.work / "i",)))
        self.assertEqual(shape.folders, (f"{self.work}/i",))

    def test_computed(self) -> None:
        """A header whose name macros make is sent if all that it can have is a relative name."""
        self.write(a_c="#define H <a.h>\n#include H\n", a_h="")
        found = self.found(self.work / "a.c", self.work / "a.h")
        self.assertEqual(len(self.shape("-I. -c a.c", found).copies), 2)
        header = f"{self.work}/a.h"
        for command in (f"-I{self.work} -c a.c", f'-DH="{header}" -c a.c'):
            self.refused(command, found, f"nobody can tell by which name {header} is found")

    def test_two_names(self) -> None:
        """A file that has a relative and an absolute name is left to distcc: it can be given but one."""
        self.write(a_c=f'#include "a.h"\n#include "{self.work}/a.h"\n', a_h="")
        found = self.found(self.work / "a.c", self.work / "a.h")
        name = f"{self.work}/a.h"
        self.refused("-c a.c", found, f"{name} may be found as {name} and as a.h")

    def test_data(self) -> None:
        """What the assembler reads as it is would be another thing with a #line."""
        self.write(a_c=f'asm(".incbin \\"{self.work}/a.h\\"");\n', a_h="")
        found = self.found(self.work / "a.c", self.work / "a.h")
        self.refused("-c a.c", found, f"{self.work}/a.h is read as data, by its absolute name")

    def test_in_the_compilers_own(self) -> None:
        """Nothing is compiled in a folder that is the server's own."""
        self.work = self.own
        self.write(a_c="")
        found = self.found(self.own / "a.c")
        self.refused("-c a.c", found, "it runs in one of the compiler's own folders")

    def test_names_that_cannot_be_sent(self) -> None:
        """A link whose name distcc would shorten, and a #line that no file can have, are refused."""
        self.write(a_c="")
        os.symlink("work", self.root / "x.lzo")
        found = self.found(self.root / "x.lzo/a.c")
        self.refused("-c a.c", found, f"{self.root}/x.lzo is a link by a name that C distcc cannot send")
        folder = self.root / "odd\nname"
        folder.mkdir()
        (folder / "a.h").write_text("")
        self.write(a_c="#include <a.h>\n")
        with self.assertRaises(NotForServersError) as refusal:
            self.shape_of_words(
                (f"-I{folder}", "-c", "a.c"), self.found(self.work / "a.c", folder / "a.h")
            )
        self.assertEqual(str(refusal.exception), f"no #line can say {str(folder / 'a.h')!r}")

    def test_environment(self) -> None:
        """Folders of the environment do not travel with the client's command."""
        self.write(a_c="")
        reason = "the environment names folders for headers, which does not travel"
        self.refused("-c a.c", self.found(self.work / "a.c"), reason, CPATH="/x")

    def refused(self, command: str, found: Found, reason: str, **environ: str) -> None:
        with self.assertRaises(NotForServersError) as refusal:
            self.shape(command, found, **environ)
        self.assertEqual(str(refusal.exception), reason)
