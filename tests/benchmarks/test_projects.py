"""The pure parts of fetching and building real projects."""

import hashlib
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.projects import PROJECTS, ProjectUnavailableError, objects, source_lines


class SourceLinesTests(SynchronousTestCase):
    """`source_lines` turns the archives that apt knows into a list of source archives."""

    def test_debian_release_only(self):
        """Updates of the release and other vendors' archives are passed over."""
        targets = (
            "Debian\thttp://mirror.example/debian/\tbookworm\tmain\n"
            "Debian\thttp://mirror.example/debian-security/\tbookworm-security\tmain\n"
            "Vendor\thttp://vendor.example/\tnodistro\tmain\n"
        )
        self.assertEqual(source_lines(targets), ["deb-src http://mirror.example/debian/ bookworm main"])

    def test_each_archive_once(self):
        """apt names an archive once for every architecture; its sources are wanted once."""
        target = "Debian\thttp://mirror.example/debian/\tbookworm\tmain\n"
        self.assertEqual(len(source_lines(target + target)), 1)

    def test_no_archive(self):
        """A machine whose package lists are empty is told what to run."""
        with self.assertRaisesRegex(ProjectUnavailableError, "apt-get update"):
            source_lines("")


class ObjectsTests(SynchronousTestCase):
    """`objects` lists what a build compiled."""

    def test_digests_by_relative_path(self):
        """Objects of every depth are found, named from the build's folder on."""
        folder = Path(self.mktemp())
        (folder / "deep").mkdir(parents=True)
        (folder / "a.o").write_bytes(b"a")
        (folder / "deep" / "b.lo").write_bytes(b"b")
        (folder / "deep" / "b.c").write_bytes(b"int b;")
        self.assertEqual(
            objects(folder),
            {"a.o": hashlib.sha256(b"a").digest(), "deep/b.lo": hashlib.sha256(b"b").digest()},
        )


class ProjectTests(SynchronousTestCase):
    """The table of projects fits the words that a build fills in."""

    def test_every_makefile_gets_the_compiler(self):
        """A project whose makefile is not told the compiler would be measured with the plain one.

        CMake takes it from the environment when it configures.
        """
        for project in PROJECTS.values():
            told = any("{cc}" in word for word in project.make)
            self.assertTrue(told or project.configure[0] == "cmake", project.name)
