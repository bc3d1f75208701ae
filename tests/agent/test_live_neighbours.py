"""Builds at the same time on one server: of two checkouts, by two users, of other files by one name."""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from pathlib import Path

from tests.agent.home import agents_of, is_alive
from tests.live import Child, LiveServer, until
from tests.tls.certificates import write
from tests.tls.test_live import SecureTestCase

UNITS = 4
CHECKOUT = "checkout"
MAKEFILE = """\
all: $(patsubst %.c,%.o,$(wildcard *.c))
%.o: %.c ; $(TDISTCC) gcc -O1 -g -Wall -MD -c $< -o $@
"""
# Sees a folder of its own by a name that all have.
SEES = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
ROOT_ONLY = None if os.getuid() == 0 else "only root can be two users, and make namespaces"


def write_checkout(folder: Path, name: str) -> None:
    """Write a version of a project: its files are called as in all versions, and have other contents."""
    folder.mkdir(parents=True)
    (folder / "Makefile").write_text(MAKEFILE)
    (folder / "version.h").write_text(f'#define VERSION "{name}"\n')
    for number in range(UNITS):
        source = f'#include <stdio.h>\n#include "version.h"\nvoid f{number}(void) {{ puts(VERSION); }}\n'
        (folder / f"unit{number}.c").write_text(source)
    (folder / f"only-{name}.h").write_text("")
    for other in ("ada", "eve"):
        header = f"only-{other}.h"
        source = f'#if __has_include("{header}")\n#include "{header}"\nint has_{other};\n#endif\n'
        (folder / f"has-{other}.c").write_text(source)


def made(folder: Path) -> dict[str, bytes]:
    """Return the objects and dependency files in `folder`, which are removed."""
    products = {path.name: path for path in folder.iterdir() if path.suffix in (".o", ".d")}
    contents = {name: path.read_bytes() for name, path in products.items()}
    for path in products.values():
        path.unlink()
    return contents


class NeighbourTestCase(SecureTestCase):
    """Two checkouts, `ada` and `eve`, of which each build is to be as if the other were not there."""

    names = ("ada", "eve")

    def setUp(self) -> None:
        super().setUp()
        self.checkouts = {name: self.home / name / CHECKOUT for name in self.names}
        for name, folder in self.checkouts.items():
            write_checkout(folder, name)

    def build(self, name: str, *before: str, folder: Path | None = None, **changes: str) -> Child:
        """Start to build a checkout, after the words `before`."""
        make = ("make", "--jobs=4", f"TDISTCC={changes.pop('with_', 'tdistcc')}")
        words = (*before, shutil.which("env") or "env", "-C", str(folder or self.checkouts[name]), *make)
        return self.run_in_home(*words, MAKEFLAGS="", **changes)

    async def local(self, name: str, *before: str, folder: Path | None = None) -> dict[str, bytes]:
        """Return what a build of a checkout leaves without tdistcc."""
        await self.is_built(self.build(name, *before, folder=folder, with_=""))
        return made(self.checkouts[name])

    def apart(self, name: str, seen: Path) -> tuple[str, ...]:
        """Return what lets a command see a checkout as `seen`."""
        folder = str(self.checkouts[name])
        return ("/usr/bin/unshare", "--mount", "/bin/sh", "-c", SEES, "sh", folder, str(seen))

    async def is_built(self, child: Child) -> None:
        self.assertEqual(await child.ended(), 0, child.stderr)

    def done(self, server: LiveServer) -> list[str]:
        """Return the peers whose jobs the server has done, one for each job."""
        return [job.split("peer=")[1].split()[0] for job in server.jobs if "verdict=done" in job]


class CheckoutTests(NeighbourTestCase):
    async def test_at_once(self) -> None:
        """Two checkouts are built at the same time by one agent, twice, and each is as a local build."""
        server = await self.serve("--sandbox=require", "--jobs=4")
        self.environ["DISTCC_HOSTS"] = f"127.0.0.1:{server.port}/8"
        expected = {name: await self.local(name) for name in self.names}
        self.assertEqual(len(expected["ada"]), 2 * (UNITS + 2))
        for _ in range(2):
            builds = [self.build(name) for name in self.names]
            for build in builds:
                await self.is_built(build)
            self.assertEqual({name: made(folder) for name, folder in self.checkouts.items()}, expected)
        self.assertEqual(len(self.done(server)), 4 * (UNITS + 2), server.log)
        self.agent()

    async def test_of_one_name(self) -> None:
        """So are two that have the same name, each in a mount namespace of its own."""
        seen = self.home / "seen"
        seen.mkdir()
        server = await self.serve("--sandbox=require", "--jobs=4")
        self.environ["DISTCC_HOSTS"] = f"127.0.0.1:{server.port}/8"
        apart = {name: self.apart(name, seen) for name in self.names}
        expected = {name: await self.local(name, *apart[name], folder=seen) for name in self.names}
        for _ in range(2):
            builds = [self.build(name, *apart[name], folder=seen) for name in self.names]
            for build in builds:
                await self.is_built(build)
            self.assertEqual({name: made(folder) for name, folder in self.checkouts.items()}, expected)
        self.assertEqual(len(self.done(server)), 4 * (UNITS + 2), server.log)

    test_of_one_name.skip = ROOT_ONLY  # type: ignore[attr-defined]


class UserTests(NeighbourTestCase):
    skip = ROOT_ONLY

    def account(self, name: str, uid: int) -> tuple[str, ...]:
        """Give a user a home, credentials and the checkout; return what makes a command that user's."""
        home, runtime = self.checkouts[name].parent, self.runtime / name
        for folder in (runtime, home / "tmp"):
            folder.mkdir()
        write(home / ".distcc" / "tls", self.authority.user(name), self.authority)
        for path in (runtime, home, *home.rglob("*")):
            os.chown(path, uid, uid)
        self.addCleanup(self.end_agents_of, runtime)
        variables = f"HOME={home}", f"XDG_RUNTIME_DIR={runtime}", f"TMPDIR={home}/tmp"
        user = f"--reuid={uid}", f"--regid={uid}", "--clear-groups"
        return ("/usr/bin/setpriv", *user, "/usr/bin/env", *variables)

    async def end_agents_of(self, runtime: Path) -> None:
        for pid in agents_of(runtime):
            os.kill(pid, signal.SIGTERM)
        await until(lambda: not any(map(is_alive, agents_of(runtime))), "the agents are gone")

    async def test_at_once(self) -> None:
        """Two users build at the same time what has the same name for both; neither has the other's."""
        self.runtime.chmod(0o711)
        seen = self.home / "seen"
        seen.mkdir()
        allowed = (f"--allow-user={name}" for name in self.names)
        server = await self.serve_tls("--sandbox=require", "--jobs=4", *allowed)
        self.environ["DISTCC_HOSTS"] = self.host(server)
        users = {name: self.account(name, 61_000 + number) for number, name in enumerate(self.names)}
        apart = {name: (*self.apart(name, seen), *users[name]) for name in self.names}
        expected = {name: await self.local(name, *apart[name], folder=seen) for name in self.names}
        for _ in range(2):
            builds = [self.build(name, *apart[name], folder=seen) for name in self.names]
            for build in builds:
                await self.is_built(build)
            self.assertEqual({name: made(folder) for name, folder in self.checkouts.items()}, expected)
        whose = Counter(peer.partition("@")[0] for peer in self.done(server))
        self.assertEqual(whose, {f"tls:{name}": 2 * (UNITS + 2) for name in self.names})
