"""The dispatcher: one word chooses, the rest is handed on."""

import contextlib
import io
import sys
import types

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc import __version__
from twisted_distcc.cli import twisted_distcc
from twisted_distcc.cli.twisted_distcc import SUBCOMMANDS, Subcommand, main


def ended(arguments: list[str]) -> tuple[int, str, str]:
    """The exit status and both outputs of a command line that argparse ends."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main(arguments)
        except SystemExit as end:
            status = int(end.code or 0)
    return status, out.getvalue(), err.getvalue()


class DispatchTests(SynchronousTestCase):
    """`twisted-distcc SUBCOMMAND ARGUMENTS`."""

    def _register(self, name: str, status: int) -> list[list[str]]:
        calls: list[list[str]] = []
        module = types.ModuleType("a_subcommand_for_tests")

        def module_main(arguments: list[str]) -> int:
            calls.append(arguments)
            return status

        module.main = module_main  # type: ignore[attr-defined]
        sys.modules[module.__name__] = module
        self.addCleanup(sys.modules.pop, module.__name__)
        known = {name: Subcommand(module.__name__, "does something")}
        self.patch(twisted_distcc, "SUBCOMMANDS", known)
        return calls

    def test_hands_on(self) -> None:
        """All that follows the name goes to the subcommand, options too, and its status comes back."""
        calls = self._register("thing", 7)
        self.assertEqual(main(["thing", "--project", "x", "-j2", "--help"]), 7)
        self.assertEqual(calls, [["--project", "x", "-j2", "--help"]])

    def test_unknown(self) -> None:
        """A word that names no subcommand is refused with the words that do."""
        status, _, err = ended(["frobnicate"])
        self.assertEqual(status, 2)
        self.assertIn("frobnicate", err)
        self.assertIn("masquerade", err)

    def test_nothing(self) -> None:
        """Without a subcommand the usage is shown, and the status says failure."""
        status, _, err = ended([])
        self.assertEqual(status, 2)
        self.assertIn("usage: twisted-distcc SUBCOMMAND", err)

    def test_help_lists_each_subcommand(self) -> None:
        """The help has each subcommand with its sentence."""
        status, out, _ = ended(["--help"])
        self.assertEqual(status, 0)
        for name, subcommand in SUBCOMMANDS.items():
            self.assertRegex(out, rf"(?m)^  {name} +{subcommand.summary[:20]}")

    def test_version(self) -> None:
        """The version is the package's."""
        self.assertEqual(ended(["--version"]), (0, f"twisted-distcc {__version__}\n", ""))

    def test_each_has_a_help_of_its_own(self) -> None:
        """Each subcommand of the table can be loaded and knows its own name."""
        for name in SUBCOMMANDS:
            status, out, _ = ended([name, "--help"])
            self.assertEqual(status, 0)
            self.assertIn(f"usage: twisted-distcc {name}", out)

    def test_loads_nothing_unasked(self) -> None:
        """Help imports no subcommand: they may be slow to load."""
        loaded = {name: sys.modules.pop(s.module, None) for name, s in SUBCOMMANDS.items()}
        self.addCleanup(
            lambda: sys.modules.update(
                {SUBCOMMANDS[name].module: module for name, module in loaded.items() if module}
            )
        )
        ended(["--help"])
        self.assertEqual([s.module for s in SUBCOMMANDS.values() if s.module in sys.modules], [])
