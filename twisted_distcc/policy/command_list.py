"""Decide which compilers a client may ask for, by name.

Given the name that the client wrote, and what it means on the server's search path, the rules yield the
compiler's own path, or a refusal.  `toolchain.finding` finds the files.

Without a command list a name counts when it is a compiler's and is bare, or is the absolute path of the
very file that the bare name means.  A list (`DISTCC_CMDLIST`) replaces that rule: the last words of the
client's path, divided at slashes, must be those of a listed command, and that command is what runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from twisted_distcc.errors import DistccError


class BadCommandListError(DistccError):
    """A command list is not valid: it has no command, or the number of words is less than 1."""


@dataclass(frozen=True, slots=True)
class CommandList:
    """Absolute paths of the commands that may be run, and how many trailing words must match."""

    commands: tuple[str, ...]
    words: int = 1

    @classmethod
    def parse(cls, lines: Iterable[str], words: int = 1) -> CommandList:
        """Parse one absolute path per line; empty lines and `#` comments are ignored.

        Raises:
            BadCommandListError: if there is no command, one is not absolute, or `words` is below 1.
        """
        commands = tuple(
            stripped for line in lines if (stripped := line.strip()) and not stripped.startswith("#")
        )
        if not commands:
            raise BadCommandListError("DISTCC_CMDLIST names a file without commands")
        if words < 1:
            raise BadCommandListError("DISTCC_CMDLIST_NUMWORDS must be at least 1")
        for command in commands:
            if not command.startswith("/"):
                raise BadCommandListError(f"DISTCC_CMDLIST: {command} is not an absolute path")
        return cls(commands, words)

    def match(self, name: str) -> str | None:
        """Return the listed command that `name` means, if any."""
        wanted = self._last_words(name)
        return next((command for command in self.commands if self._last_words(command) == wanted), None)

    def _last_words(self, path: str) -> list[str]:
        return path.split("/")[-self.words :]
