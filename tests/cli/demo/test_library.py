"""The C library: fetched once, unpacked with care, and built by a Makefile of the demo's own."""

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cli.demo import library
from twisted_distcc.cli.demo.library import (
    LIBRARIES,
    Library,
    LibraryError,
    cached_archive,
    fetch_debian_source,
    fetch_sdist,
    library_project,
    source_list_entry,
    unpack_sources,
)


def archive(path: Path, members: dict[str, str]) -> Path:
    """Make a tar.gz; a content that begins with `->` makes a symbolic link."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            if content.startswith("->"):
                info.type, info.linkname = tarfile.SYMTYPE, content[2:]
            info.size = 0 if info.issym() else len(content)
            tar.addfile(info, io.BytesIO(content.encode()))
    return path


def files_below(folder: Path) -> list[str]:
    """The files below a folder, relative to it."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def small_library(fetch: object) -> Library:
    """A library of two files in the folder `src`, with a header in `include`."""
    return Library("Small", "small", "src", "-Iinclude", fetch)  # type: ignore[arg-type]


SMALL = {
    "small-1.0/src/a.c": '#include "small.h"\nint a(void) { return SMALL; }\n',
    "small-1.0/src/deep/b.c": "int b;\n",
    "small-1.0/include/small.h": "#define SMALL 1\n",
    "small-1.0/Makefile": "all:\n\tfalse\n",
}


class ProjectTests(SynchronousTestCase):
    """What `library_project` gives."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp()).absolute()
        self.patch(os, "environ", os.environ | {"XDG_CACHE_HOME": str(self.root / "cache")})
        self.said: list[str] = []
        self.fetched = 0

    def fetch(self, package: str, folder: Path) -> Path:
        self.fetched += 1
        return archive(folder / f"{package}-1.0.tar.gz", SMALL)

    def unavailable(self, package: str, folder: Path) -> Path:
        (folder / "half").write_text("of it")
        raise LibraryError("the moon is in the way.")

    def test_builds(self) -> None:
        """The project is built by its own recipe, in all its folders, and by no file of the package."""
        project = library_project([small_library(self.fetch)], self.root / "source", self.said.append)
        self.assertEqual(project.title, "Small (small-1.0.tar.gz)")
        subprocess.run(["make", "CC=gcc"], cwd=project.source, check=True, capture_output=True)
        objects = [name for name in files_below(project.source) if name.endswith(".o")]
        self.assertEqual(objects, ["src/a.o", "src/deep/b.o"])

    def test_kept(self) -> None:
        """The second time nothing is fetched, and nothing is said."""
        library_project([small_library(self.fetch)], self.root / "one", self.said.append)
        self.assertIn(str(self.root / "cache" / "twisted-distcc"), "".join(self.said))
        self.said.clear()
        library_project([small_library(self.fetch)], self.root / "two", self.said.append)
        self.assertEqual((self.fetched, self.said), (1, []))

    def test_detour(self) -> None:
        """A library that cannot be had is passed over with a sentence, and leaves nothing behind."""
        libraries = [
            Library("Far", "far", "src", "", self.unavailable),
            small_library(self.fetch),
        ]
        project = library_project(libraries, self.root / "source", self.said.append)
        self.assertIn("Small", project.title)
        self.assertIn("Far cannot be had: the moon is in the way.", self.said)
        self.assertEqual(files_below(self.root / "cache"), ["twisted-distcc/small/small-1.0.tar.gz"])

    def test_none(self) -> None:
        """Without any library the error names the way that is left."""
        error = self.assertRaises(
            LibraryError,
            library_project,
            [small_library(self.unavailable)],
            self.root / "source",
            self.said.append,
        )
        self.assertIn("--project", str(error))

    def test_cache_of_home(self) -> None:
        """Without XDG_CACHE_HOME the archives are in the user's ~/.cache."""
        self.patch(os, "environ", {"PATH": os.environ["PATH"], "HOME": str(self.root / "home")})
        library_project([small_library(self.fetch)], self.root / "source", self.said.append)
        self.assertEqual(
            files_below(self.root / "home"), [".cache/twisted-distcc/small/small-1.0.tar.gz"]
        )

    def test_archive_alone_is_kept(self) -> None:
        """Other files that a client downloads do not reach the cache."""

        def fetch(package: str, folder: Path) -> Path:
            (folder / "lists").mkdir()
            (folder / "lists" / "index").write_text("large")
            return self.fetch(package, folder)

        kept = cached_archive(small_library(fetch), self.root / "cache", self.said.append)
        self.assertEqual(files_below(self.root / "cache"), [str(kept.relative_to(self.root / "cache"))])


class UnpackTests(SynchronousTestCase):
    """`unpack_sources` and archives that nobody should trust."""

    def unpacked(self, members: dict[str, str]) -> list[str]:
        self.root = Path(self.mktemp()).absolute()
        unpack_sources(archive(self.root / "x.tar.gz", members), self.root / "in" / "side")
        return [name for name in files_below(self.root) if name != "x.tar.gz"]

    def test_sources_alone(self) -> None:
        """C files and headers are unpacked, without the folder around them; scripts are not."""
        names = self.unpacked({"top/a.c": "", "top/d/b.h": "", "top/configure": "", "top/c.py": ""})
        self.assertEqual(names, ["in/side/a.c", "in/side/d/b.h"])

    def test_stays_inside(self) -> None:
        """No name leads out of the folder."""
        hostile = {"top/../../out.c": "", "../../out.c": "", "/etc/out.c": "", "top/ok.c": ""}
        self.assertEqual(self.unpacked(hostile), ["in/side/etc/out.c", "in/side/ok.c"])

    def test_no_links(self) -> None:
        """Links are not made, so none can be written through."""
        names = self.unpacked({"top/d": "->../../..", "top/l.c": "->/etc/passwd", "top/d/b.c": ""})
        self.assertEqual(names, ["in/side/d/b.c"])


class SourceListTests(SynchronousTestCase):
    """Where Debian's sources are, from where its packages come."""

    def setUp(self) -> None:
        self.apt = Path(self.mktemp()).absolute()
        (self.apt / "sources.list.d").mkdir(parents=True)

    def test_one_line_style(self) -> None:
        """A line of sources.list(5), with options; comments and other suites do not count."""
        (self.apt / "sources.list").write_text(
            "# deb http://comment.example/debian bookworm main\n"
            "deb http://tools.example bookworm stable\n"
            "deb http://deb.example/debian bookworm-updates main\n"
            "deb [arch=amd64 signed-by=/keys/a.gpg] http://deb.example/debian bookworm main contrib\n"
        )
        self.assertEqual(
            source_list_entry(self.apt, "bookworm"),
            "deb-src [signed-by=/keys/a.gpg] http://deb.example/debian bookworm main contrib",
        )

    def test_plain_line(self) -> None:
        """A line without options gives one without options."""
        (self.apt / "sources.list.d" / "x.list").write_text("deb http://x.example/debian trixie main\n")
        self.assertEqual(
            source_list_entry(self.apt, "trixie"), "deb-src http://x.example/debian trixie main"
        )

    def test_deb822_style(self) -> None:
        """A stanza with several suites gives the line of the one asked for."""
        (self.apt / "sources.list.d" / "debian.sources").write_text(
            "Types: deb\n# a comment\nURIs: http://deb.example/security\nSuites: bookworm-security\n"
            "Components: main\n\n"
            "Types: deb\nURIs: http://deb.example/debian\nSuites: bookworm bookworm-updates\n"
            "Components: main\nSigned-By: /keys/b.gpg\n"
        )
        self.assertEqual(
            source_list_entry(self.apt, "bookworm"),
            "deb-src [signed-by=/keys/b.gpg] http://deb.example/debian bookworm main",
        )

    def test_none(self) -> None:
        """Without an archive of the release there is a sentence."""
        error = self.assertRaises(LibraryError, source_list_entry, self.apt, "bookworm")
        self.assertIn("bookworm", str(error))


APT_GET = """#!/bin/sh
echo "$@" >>"$CALLS"
case "$*" in
*update) cat "$APT_CONFIG" "$(dirname "$APT_CONFIG")/sources.list" >>"$CALLS" ;;
*source*) : >small_1.0-1.debian.tar.xz; : >small_1.0.orig.tar.KIND; : >small_1.0.orig.tar.KIND.asc ;;
esac
"""


class FetchTests(SynchronousTestCase):
    """The two package clients, played by scripts."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp()).absolute()
        (self.root / "bin").mkdir(parents=True)
        self.folder = self.root / "download"
        self.folder.mkdir()
        self.calls = self.root / "calls"
        path = f"{self.root / 'bin'}:/usr/bin:/bin"
        self.patch(os, "environ", {"PATH": path, "CALLS": str(self.calls)})
        self.patch(library, "_APT_FOLDER", self.root)
        self.patch(library, "freedesktop_os_release", lambda: {"VERSION_CODENAME": "bookworm"})
        (self.root / "sources.list").write_text("deb http://deb.example/debian bookworm main\n")

    def program(self, name: str, text: str) -> Path:
        path = self.root / "bin" / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def test_debian(self) -> None:
        """apt-get works in the folder alone, with a list of sources of the demo's own."""
        self.program("apt-get", APT_GET.replace("KIND", "gz"))
        found = fetch_debian_source("small", self.folder)
        self.assertEqual(found, self.folder / "small_1.0.orig.tar.gz")
        calls = self.calls.read_text()
        self.assertIn("source --download-only small", calls)
        self.assertIn("deb-src http://deb.example/debian bookworm main\n", calls)
        for setting in ("Dir::State::Lists", "Dir::Cache", "Dir::Etc::SourceList"):
            self.assertIn(f'{setting} "{self.folder}', calls)

    def test_compression(self) -> None:
        """The archive may be compressed in any of the ways that Debian allows."""
        for kind in ("bz2", "xz"):
            self.program("apt-get", APT_GET.replace("KIND", kind))
            folder = self.root / kind
            folder.mkdir()
            found = fetch_debian_source("small", folder)
            self.assertEqual(found, folder / f"small_1.0.orig.tar.{kind}")

    def test_debian_fails(self) -> None:
        """The last line of apt-get's complaint becomes part of the sentence."""
        self.program("apt-get", "#!/bin/sh\necho first >&2\necho E: no network >&2\nexit 100\n")
        error = self.assertRaises(LibraryError, fetch_debian_source, "small", self.folder)
        self.assertEqual(str(error), "apt-get -qq update failed: E: no network")

    def test_no_apt(self) -> None:
        """Where there is no apt-get, the sentence says so."""
        self.patch(os, "environ", {"PATH": str(self.root / "bin")})
        error = self.assertRaises(LibraryError, fetch_debian_source, "small", self.folder)
        self.assertIn("no apt-get", str(error))

    def test_sdist(self) -> None:
        """pip is asked for a source distribution of the very version, without dependencies."""
        python = self.program("python", '#!/bin/sh\necho "$@" >"$CALLS"\n: >small-1.0.tar.gz\n')
        self.patch(sys, "executable", str(python))
        found = fetch_sdist("small==1.0", self.folder)
        self.assertEqual(found, self.folder / "small-1.0.tar.gz")
        calls = self.calls.read_text()
        self.assertIn("-m pip", calls)
        self.assertIn("download --no-deps --no-binary small small==1.0", calls)

    def test_nothing_downloaded(self) -> None:
        """A client that succeeds without a file is an error."""
        self.patch(sys, "executable", str(self.program("python", "#!/bin/sh\n")))
        self.assertRaises(LibraryError, fetch_sdist, "small==1.0", self.folder)

    def test_too_slow(self) -> None:
        """A client that hangs is given up."""
        self.patch(library, "_SECONDS_TO_DOWNLOAD", 0.05)
        self.patch(sys, "executable", str(self.program("python", "#!/bin/sh\nexec sleep 60\n")))
        error = self.assertRaises(LibraryError, fetch_sdist, "small==1.0", self.folder)
        self.assertIn("took too long", str(error))

    def test_two_ways(self) -> None:
        """The libraries that the demo knows come from two different clients."""
        self.assertEqual([known.fetch for known in LIBRARIES], [fetch_debian_source, fetch_sdist])
