"""The commands of the pages for users and administrators, run as they stand there.

A machine of its own, with a network and names of its own, has a server called `buildbox`, and a user
with a small project that every build tool knows.  The commands of a section are one shell's; where the
page is about compiling, the server has to have compiled something.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
from pathlib import Path
from typing import Final

from tests.faults.apart import ApartTestCase
from tests.live import LiveServer, open_to_all

PAGES: Final = Path(__file__).parents[2] / "doc"
PROJECT: Final = {
    "hello.c": '#include "sub.h"\nint main(void) { return sub(0); }\n',
    "sub.c": '#include "sub.h"\nint sub(int one) { return one; }\n',
    "sub.h": "int sub(int one);\n",
    "more.cc": 'extern "C" int more(int one) { return one; }\n',
    "Makefile": """\
CC = gcc
CXX = g++
-include config.mk
hello: hello.o sub.o more.o
	gcc -o $@ $^
clean:
	rm -f *.o hello
""",
    "configure": '#!/bin/sh\nfor word; do echo "$word"; done > config.mk\n',
    "CMakeLists.txt": """\
cmake_minimum_required(VERSION 3.13)
project(hello C CXX)
add_executable(hello hello.c sub.c more.cc)
""",
    "meson.build": "project('hello', 'c', 'cpp')\nexecutable('hello', 'hello.c', 'sub.c', 'more.cc')\n",
    "debian/control": """\
Source: hello
Maintainer: Ada <ada@example.org>
Rules-Requires-Root: no

Package: hello
Architecture: any
Description: says nothing
""",
    "debian/changelog": """\
hello (1) unstable; urgency=low

  * First.

 -- Ada <ada@example.org>  Tue, 01 Jan 2030 00:00:00 +0000
""",
    "debian/rules": """\
#!/usr/bin/make -f
clean build build-arch:
	$(MAKE) $(if $(filter clean,$@),clean,hello)
binary: build
	install -D hello debian/hello/usr/bin/hello
	mkdir -p debian/hello/DEBIAN
	dpkg-gencontrol -Pdebian/hello
	dpkg-deb --root-owner-group --build debian/hello ..
""",
}
# What a section needs that the page does not do.
BEFORE: Final = {
    "Use it": "mkdir -p ~/src; cp -r . ~/src/project",
    "Removing": "twisted-distcc masquerade ~/distcc-links",
    "Tuning": 'make -j8 CC="tdistcc gcc" CXX="tdistcc g++"',
}
# Sections whose commands need other machines or a network, or never end; other tests do what they do.
NOT_RUN: Final = frozenset({"Installing", "Try it", "Install", "Start a server", "Over TLS", "Over ssh"})
# Sections that begin servers at the port of the one that is there.
ALONE: Final = frozenset({"Starting"})
# Sections that compile nothing, or nothing that is not compiled here anyway.
NOTHING_COMPILED: Final = frozenset(
    {"Recipes", "Starting", "Certificates", "Watching", "Removing", "What stays here"}
)
_HEADING: Final = re.compile(r"(?m)^#{1,3} (.*)$")


def sections(page: str) -> dict[str, str]:
    """Return the commands of each section of a page."""
    _, *parts = _HEADING.split((PAGES / page).read_text())
    found = dict(zip(parts[::2], map(_commands, parts[1::2]), strict=True))
    return {title: script for title, script in found.items() if script}


def _commands(text: str) -> str:
    text = re.sub(r"(?s)```.*?```", "", text)
    return "".join(line[4:] + "\n" for line in text.splitlines() if line.startswith("    "))


class CommandsTests(ApartTestCase):
    timeout = 300

    async def machine(self) -> None:
        """Make the machine on which `buildbox` is the server's name."""
        await self.be_apart()
        hosts = self.home / "hosts"
        hosts.write_text("127.0.0.1 localhost buildbox\n")
        await self.does("mount", "--bind", str(hosts), "/etc/hosts")
        self.environ |= {"DISTCC_HOSTS": "buildbox/8", "DISTCC_FALLBACK": "0", "LC_ALL": "C.UTF-8"}
        open_to_all(self.tmp)  # a server that root starts becomes another user
        self.addCleanup(self.end_daemons)

    async def end_daemons(self) -> None:
        for path in self.home.glob("*.pid"):
            os.kill(int(path.read_text()), signal.SIGKILL)

    async def start_buildbox(self) -> LiveServer:
        server = self.start_server(
            "twistd", "--nodaemon", "--pidfile=", "distccd", "--allow-private", "--jobs=8",
            "--log-level=debug", "--log-file=log",
        )  # fmt: skip
        await server.ready()
        return server

    def write_project(self, title: str) -> None:
        self.work = self.home / title.replace(" ", "-") / "work"
        for name, text in PROJECT.items():
            path = self.work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o755)
        open_to_all(self.work)

    async def runs(self, page: str) -> None:
        """Run all commands of a page, section by section."""
        await self.machine()
        server = None
        for title, script in sections(page).items():
            if title in NOT_RUN:
                continue
            if server is None and title not in ALONE:
                server = await self.start_buildbox()
            self.write_project(title)
            before = len(server.jobs) if server else 0
            lines = f"set -ex\n{BEFORE.get(title, '')}\n{script}"
            child = self.run_in_home("bash", "-c", lines)
            status = await child.ended()
            self.assertEqual(status, 0, f"{page}, {title}: {child.stderr[-3000:]}\n{child.stdout!r}")
            if server and title not in NOTHING_COMPILED:
                self.assertGreater(len(server.jobs), before, f"{page}, {title}: {child.stderr}")

    async def test_readme(self) -> None:
        """README.md"""
        await self.runs("../README.md")

    async def test_recipes(self) -> None:
        """doc/recipes.md"""
        await self.runs("recipes.md")

    async def test_moving(self) -> None:
        """doc/moving.md"""
        await self.runs("moving.md")

    async def test_tuning(self) -> None:
        """doc/tuning.md"""
        await self.runs("tuning.md")

    async def test_administration(self) -> None:
        """doc/administration.md"""
        await self.runs("administration.md")

    def test_sections(self) -> None:
        """What is said here of sections is said of ones that there are."""
        pages = ("../README.md", "recipes.md", "moving.md", "tuning.md", "administration.md")
        titles = {title for page in pages for title in sections(page)}
        self.assertEqual(({*BEFORE} | NOT_RUN | ALONE | NOTHING_COMPILED) - titles, set())


_PROGRAMS: Final = ("ccache", "cmake", "curl", "dpkg-buildpackage", "meson", "ninja")
_MISSING: Final = [name for name in _PROGRAMS if not shutil.which(name)]
if _MISSING:
    CommandsTests.skip = f"{', '.join(_MISSING)} missing"  # type: ignore[attr-defined]
