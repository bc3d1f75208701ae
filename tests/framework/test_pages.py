"""The framework's pages: the programs on them are files, and the files work."""

from __future__ import annotations

import ast
import os
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

import twisted_distcc.framework
import twisted_distcc.testing
from tests.framework.examples import ANY_OBJECT, EXAMPLES, PROJECT, PROXY, TESTED

PAGE = (PROJECT / "doc" / "framework.md").read_text()


class PageTests(SynchronousTestCase):
    """`doc/framework.md` and `doc/examples`."""

    def test_includes(self) -> None:
        """The page includes each program whole, from the file that the tests run."""
        for path in (ANY_OBJECT, PROXY, TESTED):
            self.assertIn(f"```{{literalinclude}} examples/{path.name}\n:language: python\n```", PAGE)
        self.assertEqual(PAGE.count("{literalinclude}"), 3)

    def test_tests_of_the_page(self) -> None:
        """The tests on the page pass, run as the page says."""
        name = "test_logging_proxy"
        self.assertIn(f"python -m twisted.trial {name}", PAGE)
        folder = os.path.abspath(self.mktemp())
        ran = subprocess.run(
            [sys.executable, "-B", "-m", "twisted.trial", f"--temp-directory={folder}", name],
            cwd=EXAMPLES,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        self.assertIn("PASSED (successes=2)", ran.stdout)

    def test_public_imports(self) -> None:
        """The programs import only public modules, and names that these say are public."""
        for path in (ANY_OBJECT, PROXY, TESTED):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom) and str(node.module).startswith("twisted_distcc"):
                    module = sys.modules[str(node.module)]
                    self.assertIn(module, (twisted_distcc.framework, twisted_distcc.testing))
                    for alias in node.names:
                        self.assertIn(alias.name, module.__all__)

    def test_about_thirty_lines(self) -> None:
        """The proxy is as short as the page says: its statements take some thirty lines."""
        statements = ast.parse(PROXY.read_text()).body[1:]
        lines = [line for line in PROXY.read_text().splitlines()[statements[0].lineno - 1 :] if line]
        self.assertLessEqual(len(lines), 35)
