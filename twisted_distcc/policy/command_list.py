"""Which compilers a client may ask for, by name.

In: the name that the client wrote, and what the server's search path makes of it.  Out: the compiler's
own path, or a refusal.  Finding files is `execution.compilers`' work; here are only the rules.

Without a command list a name counts when it is a compiler's and is bare, or is the absolute path of the
very file that the bare name means.  A list (`DISTCC_CMDLIST`) replaces that rule: the last words of the
client's path, divided at slashes, must be those of a listed command, and that command is what runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from twisted_distcc.errors import DistccError


class BadCommandListError(DistccError):
    """A command list cannot be used: it has no command, or the number of words is none."""


@dataclass(frozen=True, slots=True)
class CommandList:
    """Absolute paths of the commands that may be run, and how many last words must match."""

    commands: tuple[str, ...]
    words: int = 1

    @classmethod
    def parse(cls, lines: Iterable[str], words: int = 1) -> CommandList:
        """Read one absolute path a line; empty lines and `#` comments are passed over.

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
