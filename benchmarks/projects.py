"""Real projects to build: fetched as Debian keeps them, unpacked, built, their objects listed.

What enters: a project's name, a folder, and the words that stand for the compilers.
What leaves: how long its compile took, what it printed, and a digest of every object it made.
What it refuses to know: who compiles (a compiler, distcc or tdistcc are all just words), and how
the machine's own package sources are set up: the private apt configuration made here reads the
Debian archives that the machine already trusts, adds their sources, and leaves the machine's alone.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_ARCHIVES = "$(ORIGIN)\t$(REPO_URI)\t$(RELEASE)\t$(COMPONENT)"
_OBJECT_SUFFIXES = frozenset({".o", ".lo"})


class ProjectUnavailableError(Exception):
    """The project's sources could not be had; the message says which step failed and why."""


class BuildFailedError(Exception):
    """A step of a build ended in error; the message closes with what the step printed last."""


@dataclass(frozen=True, slots=True)
class Project:
    """How to build one project.

    The words of both steps may hold ``{cc}``, ``{cxx}``, ``{flags}`` (all flags) and ``{debug}``
    (``-g`` or nothing).  `configure` goes before `make`, is not timed, and has the compilers in
    ``CC`` and ``CXX`` of its environment.
    """

    name: str
    language: str
    make: tuple[str, ...]
    configure: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Build:
    """One build that succeeded: the wall time of its compile step in seconds, and its output."""

    seconds: float
    output: str


PROJECTS: Mapping[str, Project] = {
    project.name: project
    for project in (
        Project(
            "redis",
            "c",
            make=(
                "make",
                "MALLOC=libc",
                "OPTIMIZATION=-O2",
                "DEBUG={debug}",
                "DEBUG_FLAGS={debug}",
                "CC={cc}",
                "V=1",
            ),
        ),
        Project("lua5.4", "c", make=("make", "-C", "src", "linux", "CC={cc}", "MYCFLAGS={debug}")),
        Project(
            "zlib",
            "c",
            configure=("env", "CFLAGS={flags}", "sh", "./configure"),
            make=("make", "CC={cc}"),
        ),
        Project(
            "yaml-cpp",
            "c++",
            configure=(
                "cmake",
                "-B.",
                "-S.",
                "-DCMAKE_BUILD_TYPE=None",
                "-DCMAKE_CXX_FLAGS={flags}",
                "-DYAML_CPP_BUILD_TESTS=OFF",
                "-DYAML_CPP_BUILD_TOOLS=OFF",
            ),
            make=("cmake", "--build", ".", "--verbose"),
        ),
    )
}


def fetch(name: str) -> Path:
    """Return the folder of `name`'s pristine sources, fetched the first time it is asked for.

    The folder is a cache that all builds share: copy it, never build in it.
    """
    sources = cache_folder() / name
    if not sources.is_dir():
        sources.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=sources.parent) as scratch:
            unpacked = _download(name, Path(scratch))
            # Whoever renames first wins; what the other one unpacked is the same.
            with suppress(FileExistsError):
                unpacked.replace(sources)
    return sources


def build(
    name: str,
    directory: Path,
    *,
    cc: str = "gcc",
    cxx: str = "g++",
    jobs: int = 8,
    debug: bool = False,
    env: Mapping[str, str] | None = None,
    enter: Sequence[str] = (),
) -> Build:
    """Build the project `name` in `directory`, which must not exist yet.

    `cc` and `cxx` are what its makefile is given, so ``"distcc gcc"`` and masquerade links both
    work; `env` is laid over this process's environment (``CMAKE_GENERATOR=Ninja`` there makes the
    CMake projects build with ninja), and `enter` stands before each command.  Debug information
    holds paths: objects built with `debug` are the same only when they were built in the same
    `directory`.

    Raises
    ------
    ProjectUnavailableError, BuildFailedError

    """
    shutil.copytree(fetch(name), directory, symlinks=True)
    project = PROJECTS[name]
    debugging = "-g" if debug else ""
    words = {"cc": cc, "cxx": cxx, "debug": debugging, "flags": f"-O2 {debugging}".strip()}
    # redis writes the time of its build into an object.
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1", "CC": cc, "CXX": cxx, **(env or {})}
    if project.configure:
        _run([*enter, *_filled(project.configure, words)], directory, environment)
    return _run([*enter, *_filled(project.make, words), f"-j{jobs}"], directory, environment)


def objects(directory: Path) -> dict[str, bytes]:
    """Return the SHA-256 digest of every object file below `directory`, by its relative path."""
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).digest()
        for path in sorted(directory.rglob("*"))
        if path.suffix in _OBJECT_SUFFIXES and path.is_file()
    }


def cache_folder() -> Path:
    """Return the folder in which fetched sources are kept from one run to the next."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "twisted-distcc" / "sources"


def _filled(template: Sequence[str], words: Mapping[str, str]) -> list[str]:
    return [word.format_map(words) for word in template]


def _run(command: Sequence[str], directory: Path, environment: Mapping[str, str]) -> Build:
    start = time.monotonic()
    ended = subprocess.run(
        command,
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    seconds = time.monotonic() - start
    output = ended.stdout.decode(errors="replace")
    if ended.returncode:
        tail = "\n".join(output.splitlines()[-20:])
        raise BuildFailedError(f"{' '.join(command)} ended with {ended.returncode}:\n{tail}")
    return Build(seconds, output)


def _download(name: str, scratch: Path) -> Path:
    """Fetch and unpack, without Debian's patches, which bend builds to Debian's own libraries."""
    apt = _private_apt(scratch)
    _ask(["apt-get", "-q", *apt, "update"], scratch)
    _ask(["apt-get", "-q", *apt, "source", "--download-only", name], scratch)
    [description] = scratch.glob("*.dsc")
    # apt has checked the digests against the signed archive; the maintainer's own signature
    # would need a keyring that few machines have.
    unpack = ["dpkg-source", "--no-check", "--skip-patches", "-x", description.name, "unpacked"]
    _ask(unpack, scratch)
    return scratch / "unpacked"


def _private_apt(scratch: Path) -> list[str]:
    """Return the options that make apt-get see the machine's Debian archives, and only sources."""
    sources = scratch / "sources.list"
    sources.write_text("".join(f"{line}\n" for line in source_lines(_archives())))
    for folder in ("lists/partial", "cache/archives/partial"):
        (scratch / folder).mkdir(parents=True)
    options = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": scratch / "lists",
        "Dir::Cache": scratch / "cache",
        # The unprivileged user that root's apt-get turns into cannot write to our folder.
        "APT::Sandbox::User": "",
    }
    return [word for key, value in options.items() for word in ("-o", f"{key}={value}")]


def _archives() -> str:
    command = ["apt-get", "indextargets", "--format", _ARCHIVES, "Created-By: Packages"]
    return _ask(command, Path.cwd())


def source_lines(targets: str) -> list[str]:
    """Return the lines of a sources.list for the Debian release among apt's index targets.

    Its updates (bookworm-security and the like) are passed over, so that two machines of one
    release build the same versions.
    """
    rows = {tuple(line.split("\t")) for line in targets.splitlines()}
    lines = sorted(
        f"deb-src {uri} {release} {component}"
        for origin, uri, release, component in rows
        if origin == "Debian" and "-" not in release
    )
    if not lines:
        raise ProjectUnavailableError("apt knows no Debian archive here: run 'apt-get update' first")
    return lines


def _ask(command: Sequence[str], directory: Path) -> str:
    ended = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise ProjectUnavailableError(f"{' '.join(command)}: {ended.stderr.strip()}")
    return ended.stdout
