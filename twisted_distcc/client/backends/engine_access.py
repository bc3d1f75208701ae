"""How to call one engine: what leads there, and what it wants to know of us.

`engine_access` reads that from variables, and from a small file, which may say it for each engine::

    instance = "main"
    headers = {x-api-key = "…"}
    platform = {OSFamily = "linux"}

    ["engine.example.org:443"]
    instance = "builds"
    certificate = "/etc/builds/certificate.pem"
    key = "/etc/builds/key.pem"
"""

from __future__ import annotations

import os
import re
import shlex
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeAlias

from twisted.internet.interfaces import IStreamClientEndpoint

from twisted_distcc.client.backends.host_faults import HostError
from twisted_distcc.client.hosts import EngineHost
from twisted_distcc.client.settings import EngineVariables
from twisted_distcc.errors import EXIT_BAD_HOSTS

_TEXTS: Final = ("instance", "ca", "certificate", "key")
_TABLES: Final = ("platform", "headers")
# Headers that gRPC has for itself are not for users; neither is what no HTTP header can be.
_HEADER: Final = re.compile(r"(?!grpc-|te\Z|content-type\Z)[a-z0-9_.-]{1,100}")
_VALUE: Final = re.compile(r"[\x20-\x7e]{0,8000}")
_FILES: Final = 10
_LONGEST_FILE: Final = 100_000

Pairs: TypeAlias = tuple[tuple[str, str], ...]


class BadAccessError(HostError):
    """An engine is not called, as what it wants to know of us cannot be read."""

    exit_code = EXIT_BAD_HOSTS


@dataclass(frozen=True, slots=True)
class EngineTls:
    """Paths of certificates: of authorities, and ours with its key; empty if there are none."""

    ca: str = ""
    certificate: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class EngineAccess:
    """What one engine wants to know of us.

    Attributes:
        instance: the name of the part of it that we use.
        platform: properties that workers need, sorted by name.
        headers: go with each call, as tokens do.
        tls: certificates.
    """

    instance: str = ""
    platform: Pairs = ()
    headers: Pairs = ()
    tls: EngineTls = EngineTls()


@dataclass(frozen=True, slots=True)
class Engine:
    """How to call one engine.

    Attributes:
        host: the engine.
        access: what it wants to know of us.
        endpoint: returns what leads there.
    """

    host: EngineHost
    access: EngineAccess
    endpoint: Callable[[], IStreamClientEndpoint]

    @property
    def key(self) -> EngineKey:
        """What tells it from others, and from the same one called in another way."""
        return self.host, self.access


EngineKey: TypeAlias = tuple[EngineHost, EngineAccess]


def engine_access(host: EngineHost, variables: EngineVariables) -> EngineAccess:
    """Return what the engine `host` wants to know of us: variables say more than the file.

    Raises:
        BadAccessError: if that cannot be read.
    """
    try:
        told = _told(host.authority, variables.file)
        told.update({name: value for name in _TEXTS if (value := getattr(variables, name))})
        words = {name: value for name in _TABLES if (value := getattr(variables, name))}
        told.update({name: _pairs(value) for name, value in words.items()})
        return _checked(told)
    except ValueError as error:
        raise BadAccessError(f"is not called: {error}") from None


def _told(authority: str, path: str) -> dict[str, Any]:
    """Return what the file at `path` says of an engine, and of all."""
    read = _read(path)
    of_all = {name: value for name, value in read.items() if name in (*_TEXTS, *_TABLES)}
    of_one = read.get(authority, {})
    strangers = [name for name in read if name not in of_all and ":" not in name]
    if strangers or not isinstance(of_one, dict):
        raise ValueError(
            f"{path} has {(strangers or [authority])[0]!r}, which says nothing of an engine"
        )
    return {**of_all, **of_one}


def _read(path: str) -> Mapping[str, Any]:
    try:
        found = os.stat(path)
    except OSError:
        return {}
    return _parsed(path, (found.st_ino, found.st_mtime_ns, found.st_size))


@lru_cache(_FILES)
def _parsed(path: str, _stamp: tuple[int, int, int]) -> Mapping[str, Any]:
    try:
        with open(path, "rb") as file:
            return tomllib.loads(file.read(_LONGEST_FILE).decode())
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"{path} is not TOML: {error}") from None


def _pairs(words: str) -> dict[str, str]:
    pairs = [word.partition("=") for word in shlex.split(words)]
    for name, sign, _ in pairs:
        if not sign:
            raise ValueError(f"{name!r} in a variable DISTCC_ENGINE_… is not written NAME=VALUE")
    return {name: value for name, _, value in pairs}


def _checked(told: Mapping[str, Any]) -> EngineAccess:
    for name, value in told.items():
        kind = {**dict.fromkeys(_TEXTS, str), **dict.fromkeys(_TABLES, dict)}.get(name)
        if kind is None or not isinstance(value, kind):
            raise ValueError(f"{name!r} of an engine is not what it has to be")
    headers = _sorted(told.get("headers", {}))
    for name, value in headers:
        if not (_HEADER.fullmatch(name) and _VALUE.fullmatch(value)):
            raise ValueError(
                f"the header {name!r} of an engine is none (in lower case) that can be sent"
            )
    tls = EngineTls(*(os.path.expanduser(told.get(name, "")) for name in ("ca", "certificate", "key")))
    return EngineAccess(told.get("instance", ""), _sorted(told.get("platform", {})), headers, tls)


def _sorted(table: Mapping[str, Any]) -> Pairs:
    if not all(isinstance(value, str) for value in table.values()):
        raise ValueError("properties and headers of an engine are texts")
    return tuple(sorted(table.items()))


def is_open_to_others(path: str) -> bool:
    """Whether others can read the file at `path`, which may have tokens in it."""
    try:
        return bool(Path(path).stat().st_mode & 0o077)
    except OSError:
        return False
