"""What the pages say about options, settings and exit codes is all there is."""

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc import errors
from twisted_distcc.cli.twistd_stdio import parser
from twisted_distcc.client import settings
from twisted_distcc.server.options.table import OPTIONS
from twisted_distcc.tap import Options

ROOT = Path(__file__).parents[2]
EXIT_CODES = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}


class PageTests(SynchronousTestCase):
    """Tables in `doc/` and README.md against the code."""

    def test_server_options(self) -> None:
        """doc/server.md has every option of `twistd distccd`, and no other."""
        documented = re.findall(r"(?m)^\| `--([\w-]+)", (ROOT / "doc/server.md").read_text())
        options = Options()
        known = {name.rstrip("=") for name in options.longOpt} - {"help", "version"}
        self.assertEqual(sorted(documented), sorted(known))

    def test_server_options_as_the_table_has_them(self) -> None:
        """doc/server.md names each option's value, letter and default as the table does."""
        rows = re.findall(
            r"(?m)^\| `--([\w-]+)(?: ([^`]+))?`(?:, `-(\w)`)? \| .* \| (.*) \|$",
            (ROOT / "doc/server.md").read_text(),
        )
        for name, value, letter, default in rows:
            (option,) = (option for option in OPTIONS if option.name == name)
            self.assertEqual((value, letter), (option.value, option.letter), name)
            if option.default is not None:
                self.assertEqual(default.strip("`"), option.default, name)
            else:
                self.assertNotRegex(default, r"^`?\d", name)
        self.assertEqual(len(rows), len(OPTIONS) - 1)  # --identity is of twistd-stdio alone

    def test_stream_server_options(self) -> None:
        """doc/ssh.md has every option of `twistd-stdio`, and no other, save the sandbox's."""
        documented = re.findall(r"(?m)^\| `--([\w-]+)", (ROOT / "doc/ssh.md").read_text())
        options = [option for action in parser()._actions for option in action.option_strings]
        long = {option[2:] for option in options if option.startswith("--")} - {"help", "version"}
        known = [option for option in long if not option.startswith("sandbox")]
        self.assertEqual(sorted(documented), sorted(known))

    def test_client_settings(self) -> None:
        """doc/client.md has every variable that the client's settings are made of."""
        text = (ROOT / "doc/client.md").read_text()
        documented = set(re.findall(r"(?m)^\| `([A-Z_]+)` \|", text))
        read = set(re.findall(r"`([A-Z_]+)`", Path(settings.__file__).read_text())) - {"HOME"}
        self.assertTrue(read)
        self.assertEqual(read - documented, set())

    def test_exit_codes(self) -> None:
        """README.md and doc/client.md have every exit code, once, and no other."""
        for page in ("README.md", "doc/client.md"):
            section = (ROOT / page).read_text().partition("## Exit codes")[2].partition("\n## ")[0]
            documented = [int(code) for code in re.findall(r"\| (\d+) (?=\|)", section)]
            self.assertEqual(sorted(documented), sorted(EXIT_CODES), page)
