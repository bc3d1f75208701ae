"""distcc's hosts grammar.

`parse_hosts` turns the text of a host list into a frozen `HostList`; `find_hosts` finds the list first.
An invalid word is skipped and never stops a build; the list records which, why, and what to write
instead.

The grammar is that of distcc(1), "HOST SPECIFICATIONS", with one option more, `,tls`, and one more kind
of host:

    localhost[/LIMIT]                              compile in place
    HOST[:PORT][/LIMIT][,lzo][,cpp][,tls]          TCP; also HOST[/LIMIT][:PORT]
    [USER]@HOST[/LIMIT][:COMMAND][,lzo][,cpp]      ssh
    grpc://HOST:PORT[/LIMIT][,text]                a Remote Execution engine; with TLS grpcs://
    --randomize  --localslots=N  --localslots_cpp=N  +zeroconf[,tls]  # comment

An IPv6 address is written in square brackets.  Where distcc accepts what cannot be meant (a negative
limit, port 70000, `--randomise` as the name of a host), this module skips it.  It also skips a host that
needs what is not supported (`,auth`): it is never called differently than was asked for.  A host
with `,down` is one that its user has set aside.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from twisted_distcc.client.hosts import (
    REMOTE_LIMIT,
    EngineHost,
    Host,
    HostList,
    Localhost,
    SshHost,
    TcpHost,
    usual_port,
)
from twisted_distcc.client.settings import distcc_directory, whole_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SYSTEM_HOSTS = "/etc/distcc/hosts"

_HIGHEST_PORT = 65535
_MOST_LISTS = 16

_COMMENT = re.compile(r"#.*")
# A name that begins with a dash would be an option of ssh.
_PLAIN = r"[^-/:@\[\]\0][^/:@\[\]\0]*"
_BRACKETED = r"\[[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(?:%[^/:@\[\]\0]+)?\]"
_BARE_IPV6 = re.compile(r"[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:")
_NAME = rf"(?P<name>{_PLAIN}|{_BRACKETED})"
_TCP = re.compile(rf"{_NAME}(?P<port>:[^:/]*)?(?P<limit>/[^:]*)?(?P<late_port>:[^:/]*)?")
_ENGINE = re.compile(rf"grpc(?P<tls>s)?://{_NAME}(?P<port>:[^:/]*)?(?P<limit>/[^:]*)?")
_TLS_PORT = 443  # as all that speak HTTP with TLS
_SSH = re.compile(rf"(?P<user>{_PLAIN})?@{_NAME}(?P<limit>/[^:]*)?(?P<command>:[^\0]*)?")


class _BadWordError(Exception):
    """A word is invalid; the argument says why, and what to write instead."""


class _DownError(Exception):
    """A host is set aside."""


def parse_hosts(text: str) -> HostList:
    """Parse a host list, which may be empty."""
    options = HostList()
    hosts: list[tuple[Host, str]] = []
    down: list[str] = []
    bad: list[tuple[str, str]] = []
    for word in _COMMENT.sub("", text).split():
        try:
            if word.startswith(("-", "+")):
                options = _with_global_option(options, word)
            else:
                hosts.append((_parse_host(word), word))
        except _DownError:
            down.append(word)
        except _BadWordError as error:
            bad.append((word, str(error)))
    return replace(
        options,
        hosts=tuple(host for host, _ in hosts),
        words=tuple(word for _, word in hosts),
        down=tuple(down),
        bad=tuple(bad),
    )


def find_hosts(environ: Mapping[str, str], read_text: Callable[[str], str | None]) -> HostList:
    """Find and parse the host list, in distcc's order of search; it is empty if there is none.

    `read_text` returns the text of the file at a path, or None if there is no such file.  As with
    distcc, the first list that exists is used, even if it is empty.
    """
    for source, text in _sources(environ, read_text):
        if text is not None:
            return _parsed(source, text)
    return HostList()


@lru_cache(maxsize=_MOST_LISTS)
def _parsed(source: str, text: str) -> HostList:
    """Return the list `text` of `source`; all compiles of a build have the same, which may be long."""
    return replace(parse_hosts(text), source=source)


def _sources(
    environ: Mapping[str, str], read_text: Callable[[str], str | None]
) -> Iterator[tuple[str, str | None]]:
    yield "$DISTCC_HOSTS", environ.get("DISTCC_HOSTS")
    if directory := distcc_directory(environ):
        path = f"{directory}/hosts"
        yield path, read_text(path)
    yield SYSTEM_HOSTS, read_text(SYSTEM_HOSTS)


def _with_global_option(hosts: HostList, word: str) -> HostList:
    match word.partition("="):
        case "--randomize", "", "":
            return replace(hosts, randomize=True)
        case "--localslots", "=", number:
            return replace(hosts, localslots=_slot_count(word, number))
        case "--localslots_cpp", "=", number:
            return replace(hosts, localslots_cpp=_slot_count(word, number))
        case "+zeroconf", "", "":
            return replace(hosts, zeroconf="plain")
        case "+zeroconf,tls", "", "":
            return replace(hosts, zeroconf="tls")
    known = "--randomize, --localslots=4, --localslots_cpp=8, +zeroconf or +zeroconf,tls"
    raise _refusal("is not an option of a host list", known)


def _slot_count(word: str, number: str) -> int:
    count = whole_number(number)
    if not count:
        option = word.partition("=")[0]
        raise _refusal("wants a whole number, at least 1", f"{option}=4")
    return count


def _parse_host(word: str) -> Host:
    place, *options = word.split(",")
    if "://" in place:
        return _parse_engine(place, options)
    flags = _parse_options(word, options)
    if "@" in place:
        return _parse_ssh(place, flags)
    return _parse_tcp(place, flags)


def _parse_engine(place: str, options: list[str]) -> EngineHost:
    if "down" in options:
        raise _DownError
    match = _ENGINE.fullmatch(place)
    if match is None or not (match["port"] or match["tls"]):
        raise _refusal("is not written as a Remote Execution engine", "grpc://HOST:PORT/LIMIT")
    for option in options:
        if option != "text":
            raise _refusal(f'has an unknown option "{option}"', f"{place},text or {place}")
    return EngineHost(
        name=match["name"].strip("[]"),
        port=_port(match["port"], tls=True) if match["port"] else _TLS_PORT,
        limit=_limit(match["limit"]),
        tls=bool(match["tls"]),
        text="text" in options,
    )


def _parse_options(word: str, options: list[str]) -> frozenset[str]:
    if "down" in options:
        raise _DownError
    for option in options:
        if option.partition("=")[0] == "auth":
            raise _refusal("asks for GSS-API, which is not supported", ",tls in its place")
        if option not in {"lzo", "cpp", "tls"}:
            raise _refusal(f'has an unknown option "{option}"', ",lzo or ,cpp or ,tls")
    if "cpp" in options and "lzo" not in options:
        raise _refusal("has ,cpp without the ,lzo that it requires", f"{word},lzo")
    return frozenset(options)


def _parse_tcp(place: str, flags: frozenset[str]) -> TcpHost | Localhost:
    match = _TCP.fullmatch(place)
    if match is None or (match["port"] and match["late_port"]):
        raise _refusal(*_what_is_wrong_with(place))
    port = match["port"] or match["late_port"]
    if place == "localhost" and not flags:
        return Localhost()
    if place.startswith("localhost/"):
        return _parse_localhost(match["limit"], extras=bool(port or flags))
    return TcpHost(
        name=match["name"].strip("[]"),
        port=_port(port, tls="tls" in flags),
        limit=_limit(match["limit"]),
        compress="lzo" in flags,
        pump="cpp" in flags,
        tls="tls" in flags,
    )


def _parse_localhost(limit: str, *, extras: bool) -> Localhost:
    """Parse `localhost/LIMIT`; distcc would silently ignore a port or options here."""
    if extras:
        advice = f"localhost{limit}, or the daemon's own address, such as 127.0.0.1:3632{limit}"
        raise _refusal("compiles in place, without a port and options", advice)
    return Localhost(_limit(limit))


def _parse_ssh(place: str, flags: frozenset[str]) -> SshHost:
    match = _SSH.fullmatch(place)
    if match is None:
        raise _refusal("is not written as an ssh host", "user@host/4:/path/to/distccd")
    if "tls" in flags:
        raise _refusal("has ,tls, though ssh is as safe without", place)
    return SshHost(
        user=match["user"],
        name=match["name"].strip("[]"),
        command=(match["command"] or "")[1:] or None,
        limit=_limit(match["limit"]),
        compress="lzo" in flags,
        pump="cpp" in flags,
    )


def _port(port: str | None, *, tls: bool) -> int:
    if port is None:
        return usual_port(tls=tls)
    number = whole_number(port[1:])
    if number is None or not 0 < number <= _HIGHEST_PORT:
        raise _refusal(f'has a bad port "{port[1:]}"', f":{usual_port(tls=tls)}, or 1 to 65535")
    return number


def _limit(limit: str | None) -> int:
    if limit is None:
        return REMOTE_LIMIT
    number = whole_number(limit[1:])
    if not number:
        advice = "/4, or any whole number from 1 (a path goes after a colon: user@host:/path)"
        raise _refusal(f'has a bad limit "{limit[1:]}"', advice)
    return number


def _what_is_wrong_with(place: str) -> tuple[str, str]:
    if _BARE_IPV6.match(place):
        return "is an IPv6 address without brackets", "[::1]:3632"
    if place.startswith(("/", ":")) or not place:
        return "names no host", "a host's name or address first, as in red:3632/4"
    return "is not written as a host", "HOST:PORT/LIMIT, as in red:3632/4 or [::1]:3632/4"


def _refusal(why: str, instead: str) -> _BadWordError:
    return _BadWordError(f"it {why}; write {instead}")
