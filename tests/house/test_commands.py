"""Every command in the pages: those of ours have the options that they are given."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

PROJECT: Final = Path(__file__).parents[2]
sys.path.append(str(PROJECT / "scripts"))
import command_lines  # noqa: E402

PAGES: Final = (PROJECT / "README.md", *sorted((PROJECT / "doc").glob("*.md")))
_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SHELLS: Final = ("", "console", "sh")
_ASSIGNMENT: Final = re.compile(r"[A-Z_]+=")
_OURS: Final = frozenset({"tdistcc", "tdistccd", "twistd", "twistd-stdio", "pump", "twisted-distcc"})
_BEFORE: Final = frozenset({"sudo", "exec", "time", "then"})


def shell_lines(page: str) -> Iterator[str]:
    """Yield the lines of a page that are, or show, a shell's."""
    for language, text in _FENCE.findall(page):
        if language in _SHELLS:
            yield from (line.removeprefix("$ ") for line in text.splitlines())
    for line in _FENCE.sub("", page).splitlines():
        if line.startswith("    "):
            yield line.strip()


def commands(line: str) -> Iterator[list[str]]:
    """Yield the commands in a line, each as its words; none if it is no shell's."""
    try:
        words = shlex.split(line.replace("…", " ").replace("[", " ").replace("]", " "), comments=True)
    except ValueError:
        return
    command: list[str] = []
    for word in [*words, "&&"]:
        if word in ("&&", "||", "|", "&", ";", "--"):
            yield command
            command = []
        elif command or not (_ASSIGNMENT.match(word) or word in _BEFORE):
            command.append(word)


def told(command: list[str], known: dict[str, Any]) -> tuple[str, list[str], Any] | None:
    """Return the name of a command of ours, its words, and what it understands."""
    name = command[0].rpartition("/")[2] if command else ""
    if name not in _OURS:
        return None
    words = command[1:]
    if name == "twistd":
        if "distccd" not in words:
            return None
        return "twistd distccd", words[words.index("distccd") + 1 :], known["twistd distccd"]
    found = known[name]
    while found.commands:
        below = {one.name.rpartition(" ")[2]: one for one in found.commands}
        at = next((number for number, word in enumerate(words) if word in below), None)
        if at is None:
            break
        found, words = below[words[at]], words[at + 1 :]
    return found.name, words, found


class CommandTests(SynchronousTestCase):
    def test_options(self) -> None:
        """No page gives a command of ours an option that it does not have."""
        known = {one.name: one for one in command_lines.all_commands()}
        seen = set()
        for path in PAGES:
            for line in shell_lines(path.read_text()):
                for command in commands(line):
                    if (ours := told(command, known)) is None:
                        continue
                    name, words, understood = ours
                    seen.add(name)
                    if name in ("tdistcc", "twisted-distcc pump", "pump"):
                        continue  # what follows is a command of somebody else's
                    names = {one for option in understood.options for one in option.names}
                    for word in words:
                        if word.startswith("--"):
                            self.assertIn(word.partition("=")[0], names, f"{path.name}: {line}")
        self.assertGreater(len(seen), 12, seen)

    def test_subcommands(self) -> None:
        """No page names a subcommand that there is not."""
        [top] = [one for one in command_lines.all_commands() if one.name == "twisted-distcc"]
        names = {one.name.rpartition(" ")[2] for one in top.commands}
        for path in PAGES:
            for word in re.findall(r"`twisted-distcc ([a-z]+)", path.read_text()):
                self.assertIn(word, names, path.name)
