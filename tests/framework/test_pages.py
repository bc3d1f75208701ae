"""The framework's pages: the programs on them are files, and the files work."""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

import twisted_distcc.framework
import twisted_distcc.testing
from tests.framework.examples import (
    ANY_OBJECT,
    BUILD,
    EXAMPLES,
    PROJECT,
    PROXY,
    TESTED,
    USERS,
    header_command,
    runnable,
)
from twisted_distcc.framework import Body, InputFile, InputLink, Reply, Request, pack_tree
from twisted_distcc.testing import MemoryFarm, ScriptedCompile

PAGE = (PROJECT / "doc" / "framework.md").read_text()


class PageTests(SynchronousTestCase):
    """`doc/framework.md` and `doc/examples`."""

    def test_includes(self) -> None:
        """The page includes each program whole, from the file that the tests run."""
        for path in (ANY_OBJECT, PROXY, TESTED, USERS):
            self.assertIn(f"```{{literalinclude}} examples/{path.name}\n:language: python\n```", PAGE)
        self.assertEqual(PAGE.count("{literalinclude}"), 4)

    def test_commands(self) -> None:
        """The page runs its programs by the commands in their headers, which tests run."""
        for path in (PROXY, TESTED, USERS):
            self.assertIn(f"    {header_command(path)}\n", PAGE)
        commands = re.findall(r"^    (?=python|[A-Z_]+=)(.+)$", PAGE, re.MULTILINE)
        tests = [header_command(TESTED), header_command(USERS)]
        self.assertEqual(commands, [header_command(PROXY), BUILD, *tests])

    def test_old_names(self) -> None:
        """What was renamed goes on working by its old name, and says that it will not for ever."""
        for old, new in (("TreeFile", InputFile), ("TreeLink", InputLink)):
            self.assertIs(getattr(twisted_distcc.framework, old), new)
            [warning] = self.flushWarnings()
            self.assertEqual(warning["category"], DeprecationWarning)
            self.assertIn(new.__name__, warning["message"])
        self.assertFalse(hasattr(twisted_distcc.framework, "TreeFolder"))

    def test_tests_of_the_page(self) -> None:
        """The tests on the page pass, run as the page says."""
        for path in (TESTED, USERS):
            *words, name = runnable(header_command(path))
            folder = os.path.abspath(self.mktemp())
            ran = subprocess.run(
                [*words, f"--temp-directory={folder}", name],
                cwd=EXAMPLES,
                capture_output=True,
                text=True,
                check=False,
            )
            self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
            self.assertIn("PASSED (successes=2)", ran.stdout)

    def test_blocks(self) -> None:
        """The pieces of programs on the page do what it says of them."""
        blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
        said = [self.run_block(block) for block in blocks]
        self.assertEqual(
            said, ["b'gcc' is to run, with 1 variables set\n", "", "b'/src/answer.c' 15\n", "", ""]
        )
        self.assertEqual(Path("answer.o").read_bytes(), b"object")

    def run_block(self, block: str) -> str:
        """Run `block` in a coroutine, where what the page has told of before it is known."""
        tree = pack_tree(b"/src", {b"/src/answer.c": b"int answer = 1;"})
        compile = ScriptedCompile(Reply(0, object_file=Body.of(b"object")))
        farm = MemoryFarm(compile)
        known = {
            **vars(twisted_distcc.framework),
            "reactor": farm.clock,
            "clientFromString": lambda reactor, description: farm.endpoint,
            "compile": compile,
            "request": Request((b"env", b"LC_ALL=C", b"gcc", b"-c", b"answer.c"), tree=tree),
        }
        exec(f"async def block():\n{textwrap.indent(block, '    ')}", known)
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            running = Deferred.fromCoroutine(known["block"]())
            farm.clock.advance(0)
            self.successResultOf(running)
        return said.getvalue()

    def test_public_imports(self) -> None:
        """The programs import only public modules, and names that these say are public."""
        for path in (ANY_OBJECT, PROXY, TESTED, USERS):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom) and str(node.module).startswith("twisted_distcc"):
                    module = sys.modules[str(node.module)]
                    self.assertIn(module, (twisted_distcc.framework, twisted_distcc.testing))
                    for alias in node.names:
                        self.assertIn(alias.name, module.__all__)

    def test_less_than_forty_lines(self) -> None:
        """The proxy is as short as the page says: its statements take less than forty lines."""
        statements = ast.parse(PROXY.read_text()).body[1:]
        lines = [line for line in PROXY.read_text().splitlines()[statements[0].lineno - 1 :] if line]
        self.assertLess(len(lines), 40)


class ReferenceTests(SynchronousTestCase):
    """What `doc/api.md` makes of docstrings."""

    def test_documented(self) -> None:
        """Every public name has a docstring, and so has every public method of a class."""
        for module in (twisted_distcc.framework, twisted_distcc.testing):
            self.assertEqual(list(undocumented(module)), [])


def undocumented(module: ModuleType) -> Iterator[str]:
    """Name what is public in `module` and has no docstring of its own."""
    for name in module.__all__:
        value = getattr(module, name)
        if not inspect.isclass(value) and not inspect.isfunction(value):
            if not has_words(module, name):
                yield name
            continue
        # A dataclass without a docstring gets one that is its signature.
        if not value.__doc__ or value.__doc__.startswith(f"{name}("):
            yield name
        for member, method in vars(value).items():
            function = getattr(method, "fget", None) or getattr(method, "__func__", method)
            if inspect.isfunction(function) and not member.startswith("_") and not function.__doc__:
                yield f"{name}.{member}"


def has_words(module: ModuleType, name: str) -> bool:
    """Whether a string follows the assignment to `name`, in the module that `module` has it from."""
    imports = ast.parse(inspect.getsource(module)).body
    [source] = [
        node.module
        for node in imports
        if isinstance(node, ast.ImportFrom) and name in [alias.name for alias in node.names]
    ]
    body = ast.parse(inspect.getsource(sys.modules[str(source)])).body
    for statement, after in pairwise(body):
        targets = (
            statement.targets
            if isinstance(statement, ast.Assign)
            else [statement.target]
            if isinstance(statement, ast.AnnAssign)
            else []
        )
        if name in [target.id for target in targets if isinstance(target, ast.Name)]:
            return isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
    return False
