"""`twisted-distcc toolchain`: what would travel, and whether that compiles by itself."""

from __future__ import annotations

import contextlib
import io
import os
import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cli import toolchain_command
from twisted_distcc.cli.toolchain_command import main
from twisted_distcc.execution.sandbox.builder import NoSandboxError


class ToolchainCommandTests(SynchronousTestCase):
    def told(self, *words: str) -> tuple[int, str, str]:
        """Run it; give its status, and what it says."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(words)
        return status, out.getvalue(), err.getvalue()

    def test_show(self) -> None:
        """Files, bytes and digest of each language, and with `--files` every file."""
        status, said, _ = self.told("show", "gcc")
        self.assertEqual(status, 0)
        form = r"  C:   \d+ files, \d+\.\d MB, digest [0-9a-f]{64}\n  C\+\+: \d+ files, .*\n\Z"
        self.assertRegex(said, r"\A/.*/gcc\n" + form)
        _, files, _ = self.told("show", "--files", "gcc")
        self.assertRegex(files, r"(?m)^ +\d+ /\S+/cc1$")
        first = re.findall(r"(\d+) files", said)[0]
        self.assertEqual(len(files.partition("  C++:")[0].splitlines()), int(first) + 2)

    def test_check(self) -> None:
        """A compiler that travels compiles by itself."""
        status, said, error = self.told("check", "g++")
        self.assertEqual((status, error), (0, ""))
        self.assertEqual(said.count("compiles by itself"), 2)

    def test_no_sandbox(self) -> None:
        """Where no jail can be made, it says that this is why it cannot be tried."""

        def build(*_: object, **__: object) -> None:
            raise NoSandboxError("no namespaces")

        self.patch(toolchain_command, "build", build)
        status, _, error = self.told("check", "gcc")
        self.assertEqual(status, 1)
        self.assertIn("cannot be tried on this machine: no namespaces", error)

    def test_what_does_not_travel(self) -> None:
        """A script cannot be separated from the system; what is missing is said to be."""
        script = Path(os.path.abspath(self.mktemp()))
        script.write_text('#!/bin/sh\nexec gcc "$@"\n')
        script.chmod(0o755)
        status, _, error = self.told("show", str(script))
        self.assertEqual(status, 1)
        self.assertIn("does not travel: it cannot be separated", error)
        self.assertIn("not installed, or not on PATH", self.told("show", "no-such-gcc")[2])
