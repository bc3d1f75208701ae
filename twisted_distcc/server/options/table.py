"""The options of the server, each described once for every command line that has it.

Three parsers offer rows of this table: `tap` (`twistd distccd`), `cli.tdistccd` and `cli.twistd_stdio`.
A new option is a row here, a field of `ServerConfig`, the line of `parsing` that fills it, and a row in
`doc/server.md`::

    Option("nice", "nice level, added to the current one", "N", "5", whole_number(0, 20), "N")
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from twisted_distcc.observe.lines import LEVELS

_UNITS: Final = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


# Parsers of values; their `ValueError`s say what is wrong, to be shown after the name of the option.


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """Return a parser of whole numbers from `least` to `most`."""

    def read(text: str) -> int:
        if not text.removeprefix("-").isdecimal() or not least <= int(text) <= most:
            raise ValueError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return read


def count(text: str) -> int:
    """Parse a whole number that is at least 1."""
    if not (text.isascii() and text.isdecimal()) or not int(text):
        raise ValueError(f"{text!r} is not a whole number, at least 1")
    return int(text)


def size(text: str) -> int:
    """Parse a number of bytes, such as `8G`, `512M` or `4096`; 0 is refused."""
    digits = text.rstrip("KMGTkmgt")
    unit = text[len(digits) :].upper()
    if not (digits.isascii() and digits.isdecimal()) or len(unit) > 1 or not int(digits):
        raise ValueError(f"{text!r} is not a size, such as 8G or 512M")
    return int(digits) * _UNITS.get(unit, 1)


def one_of(*words: str) -> Callable[[str], str]:
    """Return a parser that accepts one of `words`."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"{text!r} is not one of {', '.join(words)}")
        return text

    return read


@dataclass(frozen=True, slots=True)
class Option:
    """One option.

    Attributes:
        name: its long name, without dashes.
        help: what it does, in a line.
        value: the name of its value in help texts; "" for a flag.
        default: its default value, as a user would write it; `None` if it has none.
        read: converts what a user wrote to a value, or raises `ValueError`.
        letter: its short name, if it has one.
        repeatable: whether it may be given several times; its value is a list then.
    """

    name: str
    help: str
    value: str = ""
    default: str | None = None
    read: Callable[[str], Any] = str
    letter: str = ""
    repeatable: bool = False

    @property
    def about(self) -> str:
        """Its help text, with the default."""
        return self.help if self.default is None else f"{self.help} [{self.default}]"

    def or_default(self, given: Any) -> Any:
        """Return `given`, or the default value if that is `None`."""
        if given is not None:
            return given
        if self.repeatable:
            return ()
        return None if self.default is None else self.read(self.default)

    def words(self, given: Any) -> list[str]:
        """Return this option with the value `given`, as command line arguments."""
        if not self.value:
            return [f"--{self.name}"] if given else []
        values = given if self.repeatable else [given]
        return [f"--{self.name}={value}" for value in values or () if value is not None]


_PORT: Final = whole_number(0, 65535)
_BOUNDED: Final = whole_number(1, 100_000)

NETWORK: Final = (
    Option(
        "allow", "let clients connect from this address or network, such as 192.0.2.0/24 (repeatable)",
        "ADDRESS[/BITS]", letter="a", repeatable=True,
    ),
    Option("allow-private", "let this machine and all private networks connect"),
    Option(
        "listen", "listen on this IPv4 or IPv6 address (repeatable) [all addresses]",
        "ADDRESS", repeatable=True,
    ),
    Option("port", "TCP port to listen on", "N", "3632", _PORT, "p"),
    Option("zeroconf", "announce this server on the networks that it listens on, by mDNS/DNS-SD"),
    Option("max-connections", "most connections at a time", "N", "1024", count),
    Option("max-stored", "most disk space for sources and results", "SIZE", "16G", size),
    Option("max-toolchains", "most disk space for toolchains of clients", "SIZE", "4G", size),
    Option(
        "idle-timeout", "seconds that a client may go without sending or receiving a byte",
        "SECONDS", "60", count,
    ),
    Option(
        "transfer-timeout", "seconds that a whole request, or a whole reply, may take",
        "SECONDS", "600", count,
    ),
)  # fmt: skip
TLS: Final = (
    Option("tls-port", "TCP port for clients with certificates", "N", "3634", _PORT),
    Option("tls-certificate", "this server's certificate; opens the TLS port", "FILE"),
    Option("tls-key", "the certificate's private key", "FILE"),
    Option("tls-ca", "the authority that issues clients' certificates", "FILE"),
    Option("tls-crl", "the certificates that the authority has revoked", "FILE"),
    Option(
        "allow-user", "serve certificates of this name, or of any name with '*' (repeatable)",
        "NAME", repeatable=True,
    ),
)  # fmt: skip
JOBS: Final = (
    Option("policy", "rules: who may have what compiled, and on which terms", "FILE"),
    Option("identity", "the name of the user whom ssh let in, if not the account's", "NAME"),
    Option("jobs", "how many compilers may run at once [processors + 2]", "N", None, _BOUNDED, "j"),
    Option("job-lifetime", "seconds that one compiler may run", "SECONDS", "7200", _BOUNDED),
    Option("compiler-root", "folder below which compilers are looked for", "DIR"),
    Option("sysroot", "accepted for compatibility with distccd, and ignored", "DIR"),
    Option(
        "enable-tcp-insecure",
        "run any command that a client names, not just compilers: whoever may connect can then do"
        " anything that this user can",
    ),
)
SANDBOX_LIMITS: Final = (
    Option("sandbox-memory", "most address space of each process of a job", "SIZE", "8G", size),
    Option("sandbox-cpu", "most seconds of processor time of each process", "SECONDS", "3600", count),
    Option("sandbox-file-size", "largest file that a job may write", "SIZE", "1G", size),
    Option("sandbox-space", "most space for all files of a job, in memory", "SIZE", "2G", size),
    Option("sandbox-processes", "most processes of a job at a time", "N", "64", count),
    Option("sandbox-open-files", "most open files of each process", "N", "256", count),
)
SANDBOX: Final = (
    Option(
        "sandbox", "whether compilers run in a sandbox: auto, require or off", "MODE", "auto",
        one_of("auto", "require", "off"),
    ),
    Option(
        "sandbox-program", "what makes the sandbox: jail or bubblewrap [the first one that works]",
        "NAME", None, one_of("jail", "bubblewrap"),
    ),
    *SANDBOX_LIMITS,
)  # fmt: skip
PROCESS: Final = (
    Option("user", "if started by root, become this user [distccd, distcc or nobody]", "NAME"),
    Option("nice", "nice level, added to the current one", "N", "5", whole_number(0, 20), "N"),
    Option("oom-score-adj", "OOM-killer score adjustment", "N", None, whole_number(-1000, 1000)),
    Option("lifetime", "seconds that this server lives", "SECONDS", None, _BOUNDED),
    Option("pid-file", "file for this server's process ID", "FILE", letter="P"),
)
LOG: Final = (
    Option(
        "log-file", "file for log lines [a daemon: syslog; in the foreground: standard error;"
        " twistd-stdio: none]", "FILE",
    ),
    Option(
        "log-level", f"least severe level to log: {', '.join(LEVELS)}", "LEVEL", "notice",
        one_of(*LEVELS),
    ),
    Option("verbose", "log at level debug"),
    Option("audit-log", "file for a record of each job, one JSON object per line", "FILE"),
)  # fmt: skip

STATS: Final = (
    Option("stats", "serve statistics over HTTP: distccd's own page, metrics, and a live page"),
    Option("stats-port", "TCP port for statistics", "N", "3633", _PORT),
    Option(
        "stats-listen", "address to serve statistics on (repeatable) [127.0.0.1]", "ADDRESS",
        repeatable=True,
    ),
    Option(
        "stats-name", "one more name that browsers may reach statistics by (repeatable)", "NAME",
        repeatable=True,
    ),
)  # fmt: skip

SECTIONS: Final = (
    ("network", NETWORK), ("TLS", TLS), ("jobs", JOBS),
    ("sandbox", SANDBOX), ("process", PROCESS), ("log", LOG), ("statistics", STATS),
)  # fmt: skip
OPTIONS: Final = tuple(option for _, options in SECTIONS for option in options)

STREAM_OPTIONS: Final = frozenset(
    {
        "allow", "allow-private", "policy", "identity", "job-lifetime", "compiler-root", "sysroot",
        "user", "nice", *(option.name for option in (*SANDBOX, *LOG)),
    }
)  # fmt: skip
"""The options of a server of a single connection, on standard input and output."""

PORT_OPTIONS: Final = frozenset(option.name for option in OPTIONS) - {"identity"}
"""The options of a server that listens."""


def offered(names: frozenset[str], options: Iterable[Option] = OPTIONS) -> Iterator[Option]:
    """Return those of `options` whose names are in `names`."""
    return (option for option in options if option.name in names)


def with_defaults(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of all options: those given, and the defaults of the others."""
    return {option.name: option.or_default(given.get(option.name)) for option in OPTIONS}


def words(given: Mapping[str, Any], names: frozenset[str]) -> list[str]:
    """Return those values of `given` that belong to the options `names`, as command line arguments."""
    return [word for option in offered(names) for word in option.words(given.get(option.name))]
