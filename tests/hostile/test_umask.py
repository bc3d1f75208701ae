"""What is made under a umask that forbids nothing: nobody else may write to it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from tests.agent.home import HomeTestCase
from tests.live import open_to_all
from twisted_distcc.cli.installed import installed_command
from twisted_distcc.own_folders import make_own_folder

OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
CERTIFICATES = """
twisted-distcc certs --authority deep/ca init
twisted-distcc certs --authority deep/ca user alice
twisted-distcc certs --authority deep/ca server localhost
"""


def writable(folder: Path) -> Iterator[str]:
    """Name what others may write to, in `folder` and itself."""
    for path in (folder, *folder.rglob("*")):
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode) and mode & OTHERS_WRITE:
            yield f"{stat.filemode(mode)} {path}"


class UmaskTests(HomeTestCase):
    async def made(self, script: str, *folders: Path, **changes: str) -> None:
        """Run `script` under each umask; nobody else may write to the `folders` that it makes."""
        for mask in ("000", "077"):
            await self.succeeds("/bin/sh", "-ec", f"umask {mask}\n{script}", **changes)
            self.assertEqual([one for folder in folders for one in writable(folder)], [])
            await self.end_agents()
            await self.succeeds("rm", "-r", *map(str, folders))

    async def test_client(self) -> None:
        """Lock files, notes of hosts, and all on the way to them; and what the agent makes."""
        folders = (self.home / "of/mine", self.home / "of")
        settings = {"DISTCC_HOSTS": "127.0.0.1:1", "DISTCC_DIR": str(folders[0])}
        compiles = "tdistcc gcc -c hello.c -o hello.o"
        await self.made(compiles, folders[1], DISTCC_AGENT="0", **settings)
        await self.made(compiles, folders[1], self.runtime / "twisted-distcc", **settings)

    async def test_commands(self) -> None:
        """Certificates, and links named like compilers with the program that they lead to."""
        links = "twisted-distcc masquerade --compiled links/deep gcc"
        await self.made(CERTIFICATES + links, self.work / "deep", self.work / "links")

    async def test_server(self) -> None:
        """A server's logs, and the file by which it is found to be stopped."""
        open_to_all(self.work)
        twistd = installed_command("twistd")
        server = self.start_server(
            "/bin/sh", "-c", f"umask 0; exec {twistd} --nodaemon --pidfile=pid distccd "
            "--allow=127.0.0.1 --listen=127.0.0.1 --port=0 --sandbox=off --log-file=log "
            "--audit-log=audit",
        )  # fmt: skip
        await server.ready()
        for name in ("pid", "log", "audit"):
            self.assertEqual((server.folder / name).stat().st_mode & OTHERS_WRITE, 0, name)

    def test_folders(self) -> None:
        """A folder is made once, with those above it, and is no other's where something else is."""
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        for _ in range(2):
            make_own_folder(self.home / "a/b/c")
        self.assertEqual(list(writable(self.home / "a")), [])
        (self.home / "file").touch()
        for name in ("file", "file/below"):
            self.assertRaises(OSError, make_own_folder, self.home / name)
        self.assertRaises(OSError, make_own_folder, "")
