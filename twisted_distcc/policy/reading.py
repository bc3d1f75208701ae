"""Parse a policy file.

`parse_policy` turns TOML text with `[[rule]]` tables into a `Policy`, or raises an error that names the
file, rule and key.  Whatever makes no sense is refused: an unknown key, an empty list, an identity of no
known kind, two rules of the same name, terms for what is not allowed.  `rules` says what rules do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from twisted_distcc.errors import EXIT_BAD_ARGUMENTS, DistccError
from twisted_distcc.policy.access import BadNetworkError, Network, parse_network
from twisted_distcc.policy.rules import Policy, Rule, Terms

KINDS: Final = ("tls:", "ssh:", "uid:", "tcp:")
"""Prefixes of identities; `stdio` has none."""

_MOST_SLOTS: Final = 100_000
_MOST_PRIORITY: Final = 1000
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class BadPolicyError(DistccError):
    """A policy is not valid; the text names file, rule and key."""

    exit_code = EXIT_BAD_ARGUMENTS


class _WrongError(Exception):
    """The argument says what is wrong with a value."""


def parse_policy(text: str, file: str) -> Policy:
    """Parse the policy `text`, the contents of `file`.

    Raises:
        BadPolicyError: naming what is wrong, and where.
    """
    import tomllib  # twistd-stdio starts once per job, mostly without a policy

    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadPolicyError(f"{file}: this is no TOML: {error}") from None
    except RecursionError:
        raise BadPolicyError(f"{file}: its lists or tables are nested too deeply") from None
    tables = _tables(written, file)
    rules = tuple(
        _rule(table, f"{file}: rule {_title(table, number)}") for number, table in enumerate(tables, 1)
    )
    _check_names(rules, file)
    return Policy(rules, file)


def is_identity(text: str) -> bool:
    """Whether `text` can be an identity, or a pattern of identities."""
    return text in {"*", "stdio"} or (text.startswith(KINDS) and text not in KINDS)


def _tables(written: Mapping[str, Any], file: str) -> list[Mapping[str, Any]]:
    for key in written:
        if key != "rule":
            raise BadPolicyError(f"{file}: {key!r} is unknown; a policy is made of [[rule]] tables")
    tables = written.get("rule", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise BadPolicyError(f"{file}: write [[rule]], in two pairs of brackets, above each rule")
    if not tables:
        raise BadPolicyError(f"{file}: there is no [[rule]], so it would refuse everything")
    return tables


def _title(table: Mapping[str, Any], number: int) -> str:
    name = table.get("name")
    return repr(name) if isinstance(name, str) else f"number {number}"


def _check_names(rules: tuple[Rule, ...], file: str) -> None:
    seen: set[str] = set()
    for rule in rules:
        if rule.name in seen:
            raise BadPolicyError(f"{file}: rule {rule.name!r}: key 'name': another rule has it already")
        seen.add(rule.name)


# One rule.


def _rule(table: Mapping[str, Any], place: str) -> Rule:
    for key in table:
        if key not in _READERS:
            raise BadPolicyError(f"{place}: key {key!r} is unknown; there are {', '.join(_READERS)}")
    for key in ("name", "who", "verdict"):
        if key not in table:
            raise BadPolicyError(f"{place}: key {key!r} is missing")
    values = {key: _value(key, value, place) for key, value in table.items()}
    if not values["verdict"] and (terms := _TERMS & values.keys()):
        raise BadPolicyError(f"{place}: key {min(terms)!r}: a rule that refuses has no use for it")
    return Rule(
        name=values["name"],
        who=values["who"],
        allow=values["verdict"],
        networks=values.get("from", ()),
        compilers=values.get("compilers", ()),
        options=values.get("options", ()),
        only_options=values.get("only_options", ()),
        terms=Terms(**{key: value for key, value in values.items() if key in _TERMS}),
        reason=values.get("reason", ""),
    )


def _value(key: str, value: object, place: str) -> Any:
    try:
        return _READERS[key](value)
    except _WrongError as wrong:
        raise BadPolicyError(f"{place}: key {key!r}: {wrong}") from None


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _WrongError(f"write words in quotes, not {value!r}")
    if not value.isprintable():
        raise _WrongError(f"{value!r} has characters that cannot be printed on one line")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _WrongError(f'write a list, such as ["..."], not {value!r}')
    if not value:
        raise _WrongError("an empty list matches nothing; leave the key out to match everything")
    return tuple(map(_text, value))


def _identities(value: object) -> tuple[str, ...]:
    patterns = _texts(value)
    for pattern in patterns:
        if not is_identity(pattern):
            raise _WrongError(
                f'{pattern!r} is not an identity: write one such as "tls:alice", "ssh:*", "uid:1000",'
                ' "tcp:192.0.2.7", or "*" for everybody'
            )
    return patterns


def _networks(value: object) -> tuple[Network, ...]:
    try:
        return tuple(map(parse_network, _texts(value)))
    except BadNetworkError as error:
        raise _WrongError(str(error)) from None


def _compilers(value: object) -> tuple[str, ...]:
    patterns = _texts(value)
    for pattern in patterns:
        if "/" in pattern and not pattern.startswith(("/", "*")):
            raise _WrongError(f"{pattern!r} is neither the name of a file nor an absolute path")
    return patterns


def _options(value: object) -> tuple[str, ...]:
    patterns = _texts(value)
    for pattern in patterns:
        if not pattern.startswith(("-", "*")):
            raise _WrongError(f"{pattern!r} is not an option: it does not begin with '-'")
    return patterns


def _verdict(value: object) -> bool:
    if value not in ("allow", "refuse"):
        raise _WrongError(f'write "allow" or "refuse", not {value!r}')
    return value == "allow"


def _number(least: int, most: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        # In Python, though not in TOML, true is a number.
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise _WrongError(f"write a whole number from {least} to {most}, not {value!r}")
        return value

    return read


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise _WrongError(f"write true or false, not {value!r}")
    return value


def _toolchains(value: object) -> tuple[str, ...]:
    if value in ("any", "none"):
        return ("any",) if value == "any" else ()
    if not isinstance(value, list):
        raise _WrongError(f'write "any", "none" or a list of digests, not {value!r}')
    digests = _texts(value)
    for digest in digests:
        if not _DIGEST.fullmatch(digest):
            raise _WrongError(f"{digest!r} is not a digest: `twisted-distcc toolchain show` tells them")
    return digests


_TERMS: Final = frozenset({"slots", "priority", "share", "toolchains", "programs"})
_READERS: Final[Mapping[str, Callable[[object], Any]]] = {
    "name": _text,
    "who": _identities,
    "from": _networks,
    "compilers": _compilers,
    "options": _options,
    "only_options": _options,
    "verdict": _verdict,
    "slots": _number(1, _MOST_SLOTS),
    "priority": _number(-_MOST_PRIORITY, _MOST_PRIORITY),
    "share": _truth,
    "toolchains": _toolchains,
    "programs": _truth,
    "reason": _text,
}
