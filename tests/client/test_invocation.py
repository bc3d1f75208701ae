"""What the client reads from the environment of a command."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.inputs.candidate import compiler_of
from twisted_distcc.client.invocation import Invocation, Terminal


def wishes(**environ: str) -> dict[str, str]:
    """Give the environment as it is read for a command that was typed in /src."""
    return Invocation(("gcc",), "/src", environ, 0o022).wishes


class TerminalTests(SynchronousTestCase):
    def test_what_is_told(self) -> None:
        """Standard error decides whether there is a terminal; input may come from another, or none."""
        for told, terminal in (
            (b",", None),
            (b"80,", None),
            (b",80", Terminal(80)),
            (b"72,80", Terminal(80, 72)),
            (b"0,0", Terminal(0, 0)),
        ):
            self.assertEqual(Terminal.parse(told), terminal)
        for rubbish in (b"", b"80", b"80,80,80", b"wide,wide"):
            self.assertRaises(ValueError, Terminal.parse, rubbish)


class WishesTests(SynchronousTestCase):
    def test_paths(self) -> None:
        """Relative folders are seen from where the command was typed; absolute ones stay."""
        self.assertEqual(
            wishes(HOME="/home/me", DISTCC_DIR="farm", DISTCC_TLS_CA="/ca", TMPDIR="../tmp"),
            {
                "HOME": "/home/me",
                "DISTCC_DIR": "/src/farm",
                "DISTCC_TLS_CA": "/ca",
                "TMPDIR": "/src/../tmp",
            },
        )

    def test_folders_of_the_process(self) -> None:
        """What /proc calls the command's own folder and root are so called for every process."""
        own = {"HOME": "/proc/self/root/h", "DISTCC_DIR": "/proc/self/cwd", "TMPDIR": "/proc/self/cwd/t"}
        common = {"HOME": "/h", "DISTCC_DIR": "/src", "TMPDIR": "/src/t"}
        self.assertEqual(wishes(**own), common)
        self.assertEqual(wishes(HOME="/proc/self/root"), {"HOME": "/"})

    def test_a_compiler_of_the_process(self) -> None:
        """A compiler is looked for in the folders that PATH means to whoever typed the command."""
        folder = Path(os.path.abspath(self.mktemp()))
        (folder / "bin").mkdir(parents=True)
        gcc = folder / "bin/gcc"
        gcc.write_text("")
        gcc.chmod(0o755)
        for name in ("gcc", "/proc/self/cwd/bin/gcc"):
            environ = {"PATH": "/proc/self/cwd/bin:/usr/bin"}
            self.assertEqual(compiler_of(Invocation((name,), str(folder), environ, 0)), str(gcc))

    def test_what_is_empty_stays_empty(self) -> None:
        """An empty variable means what its absence means, and not the working directory."""
        self.assertEqual(wishes(HOME="/home/me", TMPDIR="")["TMPDIR"], "")

    def test_others_are_not_touched(self) -> None:
        """Variables that name no folder of ours stay as they are."""
        self.assertEqual(wishes(HOME="/", DISTCC_HOSTS="red")["DISTCC_HOSTS"], "red")

    def test_a_home(self) -> None:
        """Without HOME the user's home is the one that the system knows."""
        self.assertEqual(wishes()["HOME"], pwd.getpwuid(os.getuid()).pw_dir)

    def test_a_user_without_a_name(self) -> None:
        """A user that the system does not know has no home, and that alone is no error."""
        with patch("twisted_distcc.client.invocation.pwd.getpwuid", side_effect=KeyError):
            self.assertEqual(wishes(), {"HOME": ""})
            self.assertEqual(wishes(HOME="/h")["HOME"], "/h")
