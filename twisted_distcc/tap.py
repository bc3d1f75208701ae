"""The command line of `twistd distccd`.

twistd calls `Options`, then `makeService`.  The server is loaded only then: `--help` and wrong options
need nothing but the table of options.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from twisted.python import usage

from twisted_distcc import __version__
from twisted_distcc.errors import EXIT_BAD_ARGUMENTS, DistccError
from twisted_distcc.server.options.parsing import check_listening, server_config
from twisted_distcc.server.options.table import PORT_OPTIONS, Option, offered, with_defaults

if TYPE_CHECKING:
    from twisted.application.service import IService

_OFFERED: Final = tuple(offered(PORT_OPTIONS))


def _reader(option: Option) -> Callable[[str], object]:
    """Return a parser whose errors name the option."""

    def read(text: str) -> object:
        try:
            return option.read(text)
        except ValueError as error:
            raise usage.UsageError(f"--{option.name}: {error}") from None

    return read


def _collector(option: Option) -> Callable[[Options, str], None]:
    """Return the method that parses one more value of a repeatable option."""

    def collect(self: Options, value: str) -> None:
        self[option.name].append(value)

    collect.__doc__ = option.about
    return collect


class Options(usage.Options):
    """The options of `twistd distccd`."""

    synopsis = "[options]"
    longdesc = "Serve distcc compilations over TCP."
    optFlags: ClassVar[list[list[str | None]]] = [
        [option.name, option.letter, option.about] for option in _OFFERED if not option.value
    ]
    optParameters: ClassVar[list[list[object]]] = [
        [option.name, option.letter, None, option.about, _reader(option)]
        for option in _OFFERED
        if option.value and not option.repeatable
    ]

    def __init__(self) -> None:
        super().__init__()
        self.update({option.name: [] for option in _OFFERED if option.repeatable})

    def opt_version(self) -> None:
        """Show the version and exit."""
        print(f"twisted_distcc {__version__} (protocols 1, 2 and 3)")
        raise SystemExit(0)

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Parse the command line; under twistd, an error is printed in one sentence, and exits.

        By default, twistd would print all options first.
        """
        try:
            super().parseOptions(options)
        except usage.UsageError as error:
            if self.parent is None:
                raise
            print(f"distccd: {error} (--help names all options)", file=sys.stderr)
            raise SystemExit(EXIT_BAD_ARGUMENTS) from None

    def postOptions(self) -> None:
        """Check combinations of options."""
        self.update(with_defaults(self))
        try:
            check_listening(self)
            server_config(self, os.environ)
        except (DistccError, OSError) as error:
            raise usage.UsageError(str(error)) from None


for _option in _OFFERED:
    if _option.repeatable:
        _collect = _collector(_option)
        for _name in filter(None, (_option.name, _option.letter)):
            setattr(Options, f"opt_{_name.replace('-', '_')}", _collect)


def makeService(options: Options) -> IService:
    """Return the service of `twistd distccd`."""
    from twisted_distcc.server.daemon.twistd_service import make_service

    return make_service(options, options.parent or {})
