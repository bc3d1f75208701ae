"""Where the agent's folder is, and which installation it is of; the rest is told by live tests."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

import twisted_distcc
from twisted_distcc.agent.socket_path import UnsafeFolderError, is_current, runtime_folder, stamp


class RuntimeFolderTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.runtime = Path(os.path.abspath(self.mktemp()))
        self.runtime.mkdir(mode=0o700, parents=True)

    def folder(self, **environ: str) -> str:
        with patch.dict(os.environ, environ):
            return runtime_folder()

    def below_tmp(self, **environ: str) -> None:
        """Assert that the folder is the one below /tmp, without making it."""
        refusal = OSError(28, "No space left on device")
        with (
            patch("twisted_distcc.agent.socket_path.os.mkdir", side_effect=refusal),
            self.assertRaisesRegex(UnsafeFolderError, f"/tmp/twisted-distcc-{os.getuid()}: No space"),
        ):
            self.folder(**environ)

    def test_in_the_users_own(self) -> None:
        """It is made in XDG_RUNTIME_DIR, for its user alone, and found there again."""
        made = self.folder(XDG_RUNTIME_DIR=str(self.runtime))
        self.assertEqual(made, f"{self.runtime}/twisted-distcc")
        self.assertEqual(os.stat(made).st_mode & 0o777, 0o700)
        self.assertEqual(self.folder(XDG_RUNTIME_DIR=str(self.runtime)), made)

    def test_none(self) -> None:
        """Without that variable it is below /tmp."""
        self.below_tmp(XDG_RUNTIME_DIR="")

    def test_missing(self) -> None:
        """So it is where the variable leads nowhere, as after `su`."""
        self.below_tmp(XDG_RUNTIME_DIR=str(self.runtime / "gone"))

    def test_of_another_user(self) -> None:
        """And so it is where the variable is left from another user, as after `sudo`."""
        with patch("twisted_distcc.agent.socket_path.os.stat") as stat:
            stat.return_value.st_uid = os.getuid() + 1
            self.below_tmp(XDG_RUNTIME_DIR=str(self.runtime))


class StampTests(SynchronousTestCase):
    def test_current(self) -> None:
        """An installation is the same until it is upgraded or gone; then its idle agent retires."""
        package = Path(self.mktemp())
        package.touch()
        with patch.object(twisted_distcc, "__file__", str(package)):
            own = stamp()
            self.assertTrue(is_current(own))
            os.utime(package, (1, 1))
            self.assertFalse(is_current(own))
            own = stamp()
            package.unlink()
            self.assertFalse(is_current(own))
