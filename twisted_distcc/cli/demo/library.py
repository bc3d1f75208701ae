"""A real C library to build, from whichever package client is available.

apt-get or pip downloads it once, and ~/.cache/twisted-distcc keeps it: a project of about a hundred C
files that need nothing but a compiler.  Nothing in the package is run: only its C files are unpacked,
and the Makefile is our own.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from platform import freedesktop_os_release

from twisted_distcc.cli.demo.project import Make, Project
from twisted_distcc.errors import DistccError
from twisted_distcc.own_folders import make_own_folder

_SECONDS_TO_DOWNLOAD = 100
_APT_FOLDER = Path("/etc/apt")
_SOURCE_SUFFIXES = (".c", ".h")

# `deb [options] uri suite component...` of sources.list(5), and a field of its deb822 style.
_ONE_LINE_STYLE = re.compile(r"^deb\s+(\[[^]]*\])?\s*(\S+)\s+(\S+)\s+(.+)$", re.MULTILINE)
_DEB822_FIELD = re.compile(r"^([\w-]+):[ \t]*(.*)$", re.MULTILINE)

_MAKEFILE = """\
# Written by `twisted-distcc demo`.
SOURCES := $(shell find {folder} -name '*.c')
CFLAGS := -O2 {flags}

libdemo.a: $(SOURCES:.c=.o)
	$(AR) rcsD $@ $^

%.o: %.c
	$(CC) $(CFLAGS) -c $< -o $@
"""


class LibraryError(DistccError):
    """A library is not available this way; the text says why in a sentence."""


@dataclass(frozen=True, slots=True)
class Library:
    """A C library: where its sources are in the package, and the flags that they need.

    `fetch` puts the package's archive into a folder and returns its path.
    """

    title: str
    package: str
    folder: str
    flags: str
    fetch: Callable[[str, Path], Path]


def library_project(libraries: Iterable[Library], folder: Path, say: Callable[[str], None]) -> Project:
    """Return the first of `libraries` that is available, unpacked in `folder`; `say` gets failures."""
    cache = _cache_folder()
    for library in libraries:
        try:
            archive = cached_archive(library, cache, say)
        except LibraryError as error:
            say(f"{library.title} cannot be had: {error}")
        else:
            return _unpacked_project(library, archive, folder)
    raise LibraryError("no library to build; with --project DIR the demo builds one of yours")


def cached_archive(library: Library, cache: Path, say: Callable[[str], None]) -> Path:
    """Return the library's archive from `cache`, which is filled first if necessary."""
    shelf = cache / library.package
    if shelf.is_dir():
        return next(shelf.iterdir())
    say(f"Fetching the source of {library.title}; it is kept in {cache}.")
    make_own_folder(cache)
    with tempfile.TemporaryDirectory(dir=cache) as download:
        archive = library.fetch(library.package, Path(download))
        whole = Path(download, "whole")
        make_own_folder(whole)
        archive.rename(whole / archive.name)
        whole.rename(shelf)
    return shelf / archive.name


def unpack_sources(archive: Path, folder: Path) -> None:
    """Unpack the C files of `archive`, without the top folder that contains everything."""
    with tarfile.open(archive) as members:
        for member in members:
            path = PurePosixPath(*PurePosixPath(member.name).parts[1:])
            if member.isfile() and path.suffix in _SOURCE_SUFFIXES and ".." not in path.parts:
                _write_member(members, member, folder / path)


def source_list_entry(apt_folder: Path, codename: str) -> str:
    """Return a deb-src line for the archive from which this system gets its packages."""
    for uri, suites, components, keyring in _configured_archives(apt_folder):
        if codename in suites and "main" in components:
            signed = f"[signed-by={keyring}] " if keyring.startswith("/") else ""
            return f"deb-src {signed}{uri} {codename} {' '.join(components)}"
    raise LibraryError(f"no archive of {codename} is configured in {apt_folder}.")


def fetch_debian_source(package: str, folder: Path) -> Path:
    """Download a source package with apt-get, as any user, writing only to `folder`."""
    if shutil.which("apt-get") is None:
        raise LibraryError("There is no apt-get here.")
    codename = freedesktop_os_release().get("VERSION_CODENAME", "")
    configuration = _private_apt(folder, source_list_entry(_APT_FOLDER, codename))
    environment = os.environ | {"APT_CONFIG": os.fspath(configuration)}
    _run(["apt-get", "-qq", "update"], folder, environment)
    _run(["apt-get", "-qq", "source", "--download-only", package], folder, environment)
    return _only_file(folder, f"{package}_*.orig.tar.*[z2]")


def fetch_sdist(package: str, folder: Path) -> Path:
    """Download a source distribution with pip, which runs its metadata hook on the way."""
    name = package.partition("==")[0]
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "download", "--no-deps", "--no-binary", name, package], folder, dict(os.environ))
    return _only_file(folder, f"{name}-*.tar.gz")


LIBRARIES = (
    Library(
        title="Mbed TLS",
        package="mbedtls",
        folder="library",
        flags="-Iinclude -Ilibrary",
        fetch=fetch_debian_source,
    ),
    Library(
        title="c-ares",
        package="pycares==4.11.0",
        folder="deps/c-ares/src/lib",
        flags="-DHAVE_CONFIG_H -DCARES_STATICLIB -D_GNU_SOURCE "
        "-Ideps/build-config/config_linux -Ideps/build-config/include "
        "-Ideps/c-ares/include -Ideps/c-ares/src/lib -Ideps/c-ares/src/lib/include",
        fetch=fetch_sdist,
    ),
)


def _unpacked_project(library: Library, archive: Path, folder: Path) -> Project:
    unpack_sources(archive, folder)
    makefile = _MAKEFILE.replace("{folder}", library.folder).replace("{flags}", library.flags)
    (folder / "Makefile").write_text(makefile)
    return Project(f"{library.title} ({archive.name})", folder, Make())


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base, "twisted-distcc")


def _write_member(members: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    content = members.extractfile(member)
    assert content is not None, "a regular file has content"
    target.parent.mkdir(parents=True, exist_ok=True)
    with content, target.open("wb") as copy:
        shutil.copyfileobj(content, copy)


def _private_apt(folder: Path, entry: str) -> Path:
    """Write a configuration that keeps apt-get from touching anything outside `folder`."""
    for name in ("lists/partial", "archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "sources.list").write_text(entry + "\n")
    settings = {
        "Dir::Etc::SourceList": folder / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": folder / "lists",
        "Dir::Cache": folder,
        "APT::Sandbox::User": "",  # root may write here; apt's own user may not
        "Acquire::Languages": "none",
    }
    configuration = folder / "apt.conf"
    configuration.write_text("".join(f'{name} "{value}";\n' for name, value in settings.items()))
    return configuration


def _configured_archives(apt_folder: Path) -> Iterator[tuple[str, list[str], list[str], str]]:
    """Yield (uri, suites, components, keyring) of each archive of binary packages."""
    lists = [apt_folder / "sources.list", *sorted((apt_folder / "sources.list.d").glob("*.list"))]
    for path in filter(Path.is_file, lists):
        for options, uri, suite, components in _ONE_LINE_STYLE.findall(path.read_text()):
            keyring = re.search(r"signed-by=([^]\s]+)", options)
            yield uri, [suite], components.split(), keyring[1] if keyring else ""
    for path in sorted((apt_folder / "sources.list.d").glob("*.sources")):
        for stanza in path.read_text().split("\n\n"):
            fields = {name.lower(): value for name, value in _DEB822_FIELD.findall(stanza)}
            for uri in fields.get("uris", "").split()[:1]:
                suites, components = (fields.get(f, "").split() for f in ("suites", "components"))
                yield uri, suites, components, fields.get("signed-by", "").strip()


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    """Run a package client; if it fails, raise with the last line of its output."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_SECONDS_TO_DOWNLOAD,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LibraryError(f"{shlex.join(command)} took too long.") from None
    if done.returncode:
        complaint = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise LibraryError(f"{shlex.join(command)} failed: {complaint}")


def _only_file(folder: Path, pattern: str) -> Path:
    for path in folder.glob(pattern):
        return path
    raise LibraryError(f"the package holds no {pattern}.")
