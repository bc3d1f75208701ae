"""Plugins: which of them leave this machine, and where they are."""

from __future__ import annotations

import shlex

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.inputs.vouched_plugins import PLUGINS, plugins_of
from twisted_distcc.client.invocation import Invocation
from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.cmdline.reasons import StaysError


class PluginTests(SynchronousTestCase):
    def plugins(self, words: str, vouched: str = "p:q", rules: str = "") -> tuple[str, ...]:
        """Return the plugins of a command in `/w`, whose user vouches for some."""
        argv = tuple(shlex.split(words))
        compilation = parse(argv, brings_tools=True)
        assert isinstance(compilation, Compilation)
        environ = {PLUGINS: vouched} if vouched else {}
        return plugins_of(compilation, Invocation(argv, "/w", environ, 0), [rules])

    def stays(self, why: str, words: str, vouched: str = "p:q") -> None:
        """Check that a command stays here, for a reason."""
        self.assertIn(why, str(self.assertRaises(StaysError, self.plugins, words, vouched)))

    def test_named(self) -> None:
        """Those that the user vouches for leave, by their absolute paths, or as gcc finds them."""
        self.assertEqual(self.plugins("gcc -c w.c", ""), ())
        found = self.plugins("gcc -fplugin=./p.so -fplugin=/x/q.so -fplugin=p -c w.c")
        self.assertEqual(found, ("/w/./p.so", "/x/q.so", "p"))
        self.assertEqual(self.plugins("clang -Xclang -load -Xclang x/y.so -c w.c", "*"), ("/w/x/y.so",))

    def test_by_rules(self) -> None:
        """So do those that rules for gcc's driver load."""
        words, rules = "gcc -specs=/x -fplugin=./p.so -c w.c", "*cc1:\n+ -fplugin=q -fplugin=./q.so\n"
        self.assertEqual(self.plugins(words, rules=rules), ("/w/./p.so", "q", "/w/./q.so"))
        self.assertRaises(StaysError, self.plugins, words, "p", rules)

    def test_not_named(self) -> None:
        """All others stay: what a plugin reads, only its user can know."""
        for vouched in ("", "q", "p.so", "./p.so", "P"):
            self.stays("the plugin p may read anything", "gcc -fplugin=./p.so -c w.c", vouched)
        self.stays("the plugin x", "clang -fplugin=./p.so -Xclang -load -Xclang ./x.so -c w.c")

    def test_arguments_alone(self) -> None:
        """Arguments for what is not loaded are for the compiler here to complain of."""
        self.stays("loads none", "gcc -fplugin-arg-p-all -c w.c")
        self.assertEqual(
            self.plugins("gcc -fplugin-arg-p-all -c w.c", rules="*cc1:\n-fplugin=p\n"), ("p",)
        )

    def test_among_libraries(self) -> None:
        """What the loader looks for among the libraries of this machine stays."""
        for words in ("gcc -fplugin=p.so", "clang -fplugin=p", "clang -fpass-plugin=q.so"):
            self.stays("is looked for among this machine's libraries", f"{words} -c w.c")
