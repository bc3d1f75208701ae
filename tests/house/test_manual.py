"""The manual pages and the shells' completion, made from the parsers of the commands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from shutil import which
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

SCRIPTS: Final = Path(__file__).parents[2] / "scripts"
sys.path.append(str(SCRIPTS))
import command_lines  # noqa: E402
import write_completion  # noqa: E402
import write_manual  # noqa: E402

# A terminal of its own types a line and a tab, and waits for the rest of the word.
_ZSH: Final = r"""
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1=; fpath=($1 \$fpath); autoload -U compinit; compinit -D -u; print be''gun"
zpty -r shell line '*begun*'
zpty -n -w shell "$2"$'\t'
zpty -r shell line "*$3*"
zpty -d shell
"""


class _MadeTests(SynchronousTestCase):
    commands: tuple[Any, ...]

    def setUp(self) -> None:
        self.commands = tuple(command_lines.all_commands())

    def all(self) -> list[Any]:
        """Return all commands and their subcommands."""
        return [one for top in self.commands for _, one in write_completion._tree(top)]


class ManualTests(_MadeTests):
    def test_every_command(self) -> None:
        """Each command, and each subcommand of `twisted-distcc`, has a page with all its options."""
        pages = write_manual.pages()
        [top] = [one for one in self.commands if one.name == "twisted-distcc"]
        described = {*self.commands, *top.commands}
        self.assertEqual(set(pages), {write_manual._path(one) for one in described})
        self.assertGreater(len(top.commands), 8)
        for one in described:
            page = pages[write_manual._path(one)].replace("\\-", "-")
            for option in one.options:
                self.assertIn(f"\\fB{option.names[-1]}\\fR", page, one.name)

    def test_variables(self) -> None:
        """The page of tdistcc has the hosts, the variables and the exit codes of doc/client.md."""
        page = write_manual.pages()["man1/tdistcc.1"].replace("\\-", "-")
        for word in (
            "DISTCC_HOSTS",
            "DISTCC_IO_TIMEOUT",
            "name,tls",
            "+zeroconf",
            "\n116\n",
            "~/.distcc",
        ):
            self.assertIn(word.replace("~", "\\(ti"), page)
        self.assertNotIn("](", page)

    def test_roff(self) -> None:
        """groff has nothing to say against any page."""
        folder = Path(self.mktemp())
        write_manual.write(folder)
        for path in sorted(folder.glob("*/*")):
            command = ["groff", "-man", "-ww", "-z", "-Tutf8", "-Kutf8", str(path)]
            done = subprocess.run(command, capture_output=True, check=True, text=True)
            self.assertEqual(done.stderr, "", path.name)

    test_roff.skip = None if which("groff") else "groff is missing (Debian: groff-base)"  # type: ignore[attr-defined]


class CompletionTests(_MadeTests):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.mktemp())
        write_completion.write(self.folder)

    def ran(self, *command: str) -> list[str]:
        done = subprocess.run(
            command, capture_output=True, check=True, text=True, stdin=subprocess.DEVNULL, timeout=60
        )
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def bash(self, *words: str) -> list[str]:
        """Return what bash offers for the last of `words`."""
        name = words[0]
        script = (
            f'. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() {{ :; }}; '
            f'_{name.replace("-", "_")} "$1" "${{@: -1}}" "${{@: -2:1}}"; echo "${{COMPREPLY[@]}}"'
        )
        path = str(self.folder / "bash-completion/completions" / name)
        return self.ran("bash", "-c", script, "bash", path, *words)

    def test_bash(self) -> None:
        """bash offers subcommands, options, few values, and nothing for others."""
        self.assertEqual(self.bash("twisted-distcc", "do"), ["doctor"])
        self.assertEqual(self.bash("twisted-distcc", "doctor", "--j"), ["--json"])
        self.assertEqual(self.bash("twisted-distcc", "certs", "re"), ["renew", "revoke"])
        self.assertEqual(self.bash("twisted-distcc", "certs", "user", "--d"), ["--days"])
        self.assertEqual(self.bash("twisted-distcc", "certs", "user", "--days", ""), [])
        self.assertEqual(self.bash("tdistcc", "--show-h"), ["--show-hosts"])
        self.assertIn("gcc", self.bash("tdistcc", "gcc"))

    def test_every_option(self) -> None:
        """All options are offered by all shells, and nothing is wrong with what they read."""
        for shell, folder in (("bash", "bash-completion/completions"), ("zsh", "zsh/site-functions")):
            for path in (self.folder / folder).iterdir():
                if which(shell):
                    self.assertEqual(self.ran(shell, "-n", str(path)), [], path)
        for one in self.commands:
            if " " in one.name:
                continue
            bash = (self.folder / f"bash-completion/completions/{one.name}").read_text()
            zsh = (self.folder / f"zsh/site-functions/_{one.name}").read_text()
            fish = (self.folder / f"fish/vendor_completions.d/{one.name}.fish").read_text()
            for option in (option for _, sub in write_completion._tree(one) for option in sub.options):
                name = option.names[-1]
                self.assertIn(name, bash)
                self.assertIn(f"'{name}", zsh)
                self.assertIn(f" -l {name[2:]} " if name.startswith("--") else f" -s {name[1:]} ", fish)

    def fish(self, line: str) -> list[str]:
        path = self.folder / f"fish/vendor_completions.d/{line.split(maxsplit=1)[0]}.fish"
        return [one.split("\t")[0] for one in self.lines(f"source {path}; complete -C '{line}'")]

    def lines(self, script: str) -> list[str]:
        home = {"HOME": str(self.folder), "PATH": "/usr/bin:/bin"}
        done = subprocess.run(
            ["fish", "--no-config", "-c", script],
            capture_output=True, check=True, text=True, env=home, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        self.assertEqual(done.stderr, "")
        return done.stdout.splitlines()

    def test_fish(self) -> None:
        """So does fish."""
        self.assertEqual(self.fish("twisted-distcc do"), ["doctor"])
        self.assertEqual(self.fish("twisted-distcc doctor --j"), ["--json"])
        self.assertEqual(self.fish("twisted-distcc certs re"), ["renew", "revoke"])
        self.assertEqual(self.fish("tdistcc --show-h"), ["--show-hosts"])

    test_fish.skip = None if which("fish") else "fish is missing (Debian: fish)"  # type: ignore[attr-defined]

    def test_zsh(self) -> None:
        """So does zsh, at a terminal."""
        folder = str((self.folder / "zsh/site-functions").resolve())
        for typed, rest in (
            ("twisted-distcc doc", "tor"),
            ("twisted-distcc certs rev", "oke"),
            ("tdistccd --wiz", "ard"),
        ):
            self.ran("zsh", "-f", "-c", _ZSH, "zsh", folder, typed, rest)

    test_zsh.skip = None if which("zsh") else "zsh is missing (Debian: zsh)"  # type: ignore[attr-defined]
