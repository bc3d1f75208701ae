"""What `make` does on a machine that has nothing yet."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).parents[2]


class MissingPackagesTests(SynchronousTestCase):
    def setUp(self) -> None:
        """Have a user who may install nothing, on a Debian whose Python cannot make environments."""
        self.bin = Path(os.path.abspath(self.mktemp()))
        self.bin.mkdir()
        self.program("python3", 'case "$*" in *ensurepip*) exit 1;; esac')
        self.program("dpkg-query", "exit 1")
        self.program("sudo", "exit 1")
        self.program("id", "echo 1000")

    def program(self, name: str, text: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def test_one_list(self) -> None:
        """All packages that `make test` wants are named at once, Python's and those of the tests."""
        venv = self.bin / "venv"
        environ = {"PATH": f"{self.bin}:/usr/bin:/bin"}
        command = ["make", f"VENV={venv}", f"{venv}/.with-test"]
        ended = subprocess.run(
            command, cwd=ROOT, env=environ, capture_output=True, check=False, text=True
        )
        self.assertNotEqual(ended.returncode, 0)
        [missing] = [line for line in ended.stderr.splitlines() if "apt-get install" in line]
        for package in ("python3", "python3-venv", "gcc", "distcc", "xinetd", "libwrap0"):
            self.assertIn(f" {package}", missing)
