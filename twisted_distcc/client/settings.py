"""The client's settings, as read from the environment.

`Settings.from_environ` takes an environment as a mapping, and returns frozen `Settings`, with a notice
for each invalid value.

Names, meanings and defaults are those of distcc(1), "ENVIRONMENT VARIABLES", with these exceptions.
An empty value means the default.  So does a value that is not understood, as with distcc
(`DISTCC_FALLBACK=no` is yes), but the user is told.  `DISTCC_CONNECT_TIMEOUT` is ours, since
distcc's four seconds cannot be changed, and so are `DISTCC_REMOTE_CPP` and `DISTCC_JOURNAL`.  And the
pause is a tenth of distcc's second, because one process looks for a free slot on behalf of all jobs,
whereas each distcc process looks for itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Nine digits are thirty years in seconds, and more jobs than there are processors.
_MOST_DIGITS = 9

# Without a pause, one processor would be busy polling for another.
_SHORTEST_PAUSE = 0.01


@dataclass(frozen=True, slots=True)
class Notice:
    """A setting that has no effect: `text` names it, `reason` says why, and what to do."""

    text: str
    reason: str

    def __str__(self) -> str:
        """Return both as one line."""
        return f"{self.text}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsPaths:
    """The paths of the credentials for `,tls` hosts; each field names its variable."""

    certificate: str
    """`DISTCC_TLS_CERTIFICATE`, or `tls/certificate.pem` in the directory: who the user is."""
    key: str
    """`DISTCC_TLS_KEY`, or `tls/key.pem` there: the key of that certificate."""
    ca: str
    """`DISTCC_TLS_CA`, or `tls/ca.pem` there: the authority for servers' certificates."""
    crl: str
    """`DISTCC_TLS_CRL`, or `tls/crl.pem` there: its revocation list."""
    wants_crl: bool
    """Whether `DISTCC_TLS_CRL` is set: then the file must exist, and otherwise it may."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], directory: str | None) -> TlsPaths:
        """Read the variables; by default the files are below `directory`, if there is one."""
        default = "/nonexistent" if directory is None else directory

        def path(name: str) -> str:
            return environ.get(f"DISTCC_TLS_{name.upper()}") or f"{default}/tls/{name}.pem"

        return cls(
            certificate=path("certificate"),
            key=path("key"),
            ca=path("ca"),
            crl=path("crl"),
            wants_crl=bool(environ.get("DISTCC_TLS_CRL")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineVariables:
    """What the environment says of Remote Execution engines; each field names its variable.

    Those that are empty are for the file to say, which may say it for each engine.
    """

    file: str
    """`DISTCC_ENGINES`, or `engines.toml` in the directory: what engines want to know of us."""
    instance: str
    """`DISTCC_ENGINE_INSTANCE`: the name of the part of an engine that is used."""
    platform: str
    """`DISTCC_ENGINE_PLATFORM`: properties that workers need, as words `NAME=VALUE`."""
    headers: str
    """`DISTCC_ENGINE_HEADERS`: headers that go with each call, such as tokens, likewise."""
    ca: str
    """`DISTCC_ENGINE_CA`: the authorities for engines' certificates; by default the system's."""
    certificate: str
    """`DISTCC_ENGINE_CERTIFICATE`: who the user is, for engines that want a certificate."""
    key: str
    """`DISTCC_ENGINE_KEY`: the key of that certificate."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], directory: str | None) -> EngineVariables:
        """Read the variables; the file is by default in `directory`, if there is one."""
        default = "" if directory is None else f"{directory}/engines.toml"
        names = ("instance", "platform", "headers", "ca", "certificate", "key")
        told = {name: environ.get(f"DISTCC_ENGINE_{name.upper()}", "") for name in names}
        return cls(file=environ.get("DISTCC_ENGINES") or default, **told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One user's settings.  Times are in seconds; each field names the variable it comes from."""

    directory: str | None
    """`DISTCC_DIR`, or `~/.distcc`: hosts, lock files and state files; `None` if neither is set."""
    fallback: bool
    """`DISTCC_FALLBACK`: compile here what no host could."""
    remote_cpp: bool
    """`DISTCC_REMOTE_CPP`: have servers preprocess, if that is exact or `,cpp` asks for it."""
    trust_names: bool
    """`DISTCC_TRUST_NAMES`: assume that compilers of the same name are the same."""
    save_temps: bool
    """`DISTCC_SAVE_TEMPS`: leave temporary files in place."""
    skip_local_retry: bool
    """`DISTCC_SKIP_LOCAL_RETRY`, set to any value: trust a remote compile that failed."""
    ssh: str
    """`DISTCC_SSH`: a program's path, or words split as a shell would; no shell is started."""
    tmpdir: str
    """`TMPDIR`: where temporary files go."""
    connect_timeout: int
    """`DISTCC_CONNECT_TIMEOUT`: how long a host may take to accept a connection."""
    io_timeout: int
    """`DISTCC_IO_TIMEOUT`: how long a distributed job may take."""
    backoff_period: int
    """`DISTCC_BACKOFF_PERIOD`: how long a host that failed is avoided; 0 for not at all."""
    pause: float
    """`DISTCC_PAUSE_TIME_MSEC`: how long to wait before looking again for a free slot."""
    journal: bool
    """`DISTCC_JOURNAL`: record what becomes of each unit, in the directory."""
    tls: TlsPaths
    """The credentials for `,tls` hosts."""
    engines: EngineVariables
    """What the environment says of Remote Execution engines."""
    notices: tuple[Notice, ...] = ()
    """Notices of invalid values."""

    @property
    def lock_directory(self) -> str | None:
        """The directory for slots and notes on failed hosts, which is the one that distcc uses."""
        return None if self.directory is None else f"{self.directory}/lock"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """Return the settings in `environ`."""
        directory = distcc_directory(environ)
        values = _Values(environ)
        return cls(
            directory=directory,
            fallback=values.switch("DISTCC_FALLBACK", default=True),
            remote_cpp=values.switch("DISTCC_REMOTE_CPP", default=True),
            trust_names=values.switch("DISTCC_TRUST_NAMES", default=False),
            save_temps=values.switch("DISTCC_SAVE_TEMPS", default=False),
            skip_local_retry="DISTCC_SKIP_LOCAL_RETRY" in environ,
            ssh=environ.get("DISTCC_SSH") or "ssh",
            tmpdir=environ.get("TMPDIR") or "/tmp",  # noqa: S108  # as everybody's
            connect_timeout=values.seconds("DISTCC_CONNECT_TIMEOUT", default=4, least=1),
            io_timeout=values.seconds("DISTCC_IO_TIMEOUT", default=300, least=1),
            backoff_period=values.seconds("DISTCC_BACKOFF_PERIOD", default=60, least=0),
            pause=values.pause("DISTCC_PAUSE_TIME_MSEC", default=0.1),
            journal=values.switch("DISTCC_JOURNAL", default=True),
            tls=TlsPaths.from_environ(environ, directory),
            engines=EngineVariables.from_environ(environ, directory),
            notices=tuple(values.notices),
        )


def distcc_directory(environ: Mapping[str, str]) -> str | None:
    """Return the user's configuration directory; None if neither `DISTCC_DIR` nor `HOME` is set."""
    if directory := environ.get("DISTCC_DIR"):
        return directory
    home = environ.get("HOME")
    return f"{home}/.distcc" if home else None


def whole_number(text: str) -> int | None:
    """Return the number that `text` consists of; None unless it is decimal digits only."""
    if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS:
        return int(text)
    return None


@dataclass(frozen=True, slots=True)
class _Values:
    """Parses the values of variables, and collects notices of invalid ones."""

    environ: Mapping[str, str]
    notices: list[Notice] = field(default_factory=list)

    def switch(self, name: str, *, default: bool) -> bool:
        """Parse 0 or 1."""
        value = self.environ.get(name, "")
        if value in ("0", "1"):
            return value == "1"
        self._warn(name, value, "0 (no) or 1 (yes)", str(int(default)))
        return default

    def seconds(self, name: str, *, default: int, least: int) -> int:
        """Parse a time in seconds."""
        value = self.environ.get(name, "")
        number = whole_number(value)
        if number is not None and number >= least:
            return number
        self._warn(name, value, f"a whole number of seconds, at least {least}", str(default))
        return default

    def pause(self, name: str, *, default: float) -> float:
        """Parse a time in milliseconds; return seconds."""
        value = self.environ.get(name, "")
        number = whole_number(value)
        if number is not None:
            return max(number / 1000, _SHORTEST_PAUSE)
        self._warn(name, value, "a whole number of milliseconds", f"{1000 * default:g}")
        return default

    def _warn(self, name: str, value: str, accepted: str, default: str) -> None:
        if value:
            reason = f"it has to be {accepted}; it counts as {default}"
            self.notices.append(Notice(f'{name} is "{value}"', reason))
