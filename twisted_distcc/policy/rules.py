"""The administrator's rules: who may have what compiled, on which terms.

In: rules, and a peer with what it asks for.  Out: a `Decision`, which keeps what became of each rule, so
that a log and `twisted-distcc doctor` can explain it.  The first rule that matches decides; where none
does, the answer is no.  This module refuses to know how rules are written (`reading` does), whether
addresses may connect at all (`access` does) and what the options of a compiler mean (`cmdline` does).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from twisted_distcc.cmdline.compilation import Compilation, Option
from twisted_distcc.cmdline.option_rules import Role
from twisted_distcc.cmdline.reasons import shown
from twisted_distcc.cmdline.written import Written, written
from twisted_distcc.errors import EXIT_ACCESS_DENIED
from twisted_distcc.policy.access import Network
from twisted_distcc.policy.patterns import matches_any
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.verdict import ALLOWED, Refused, Verdict

# What every command has, and no rule is about: -c, -o and the names of files.
_UNASKED: Final = frozenset({Role.SOURCE, Role.OUTPUT, Role.STAGE})
# What `only_options` does not ask for either: the dependency file, an output like the object; and -x,
# which clients add, for what they send is preprocessed.
_EVERYBODYS: Final = frozenset(
    {Role.MAKE_RULES, Role.MAKE_FILE, Role.MAKE_TARGET, Role.MAKE_PHONY, Role.FOR_PREPROCESSOR}
    | {Role.LANGUAGE}
)


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms a job is served.

    Attributes:
        slots: how many jobs of its identity may run at a time; `None` is as many as there are.
        priority: who goes first in line: the higher number.
        share: whether others may be given its results.
    """

    slots: int | None = None
    priority: int = 0
    share: bool = False


PLAIN: Final = Terms()
"""The terms where nothing is said of any."""


@dataclass(frozen=True)  # without slots: it remembers spellings, which most servers never ask for
class Wish:
    """What a peer asks for.

    Attributes:
        compilers: the compiler's path on this server, and the file that it leads to.
        asked: its options, in their order.
    """

    compilers: tuple[str, ...]
    asked: tuple[Option, ...] = ()

    @classmethod
    def of(cls, compilers: tuple[str, ...], compilation: Compilation) -> Wish:
        """Make the wish that a command line is; names of files are no options."""
        return cls(compilers, tuple(o for o in compilation.options if o.role not in _UNASKED))

    @cached_property
    def options(self) -> tuple[Written, ...]:
        """Each option with all of its spellings."""
        return tuple(written(self.asked))


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; it matches where all of its conditions do, and an empty condition always does.

    Attributes:
        name: what it is called in logs.
        who: patterns of identities.
        allow: whether what it matches is allowed, or refused.
        networks: where the peer's address lies (`from`).
        compilers: patterns of paths, or of file names where they have no slash.
        options: patterns, one of which an option of the command matches.
        only_options: patterns, one of which each option of the command matches.
        terms: for what is allowed.
        reason: a sentence of the administrator's.
    """

    name: str
    who: tuple[str, ...]
    allow: bool
    networks: tuple[Network, ...] = ()
    compilers: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    only_options: tuple[str, ...] = ()
    terms: Terms = PLAIN
    reason: str = ""

    def obstacles(self, peer: Peer, wish: Wish) -> Iterator[str]:
        """Say of each condition that fails why it does."""
        if not matches_any(self.who, (peer.identity,)):
            yield f"{peer.identity} is not {_either(self.who)}"
        if self.networks and not self._is_near(peer):
            yield f"its address ({peer.address or 'it has none'}) is not in {_either(self.networks)}"
        if self.compilers and not matches_any(self.compilers, _names(wish.compilers)):
            yield f"the compiler {wish.compilers[0]} is not {_either(self.compilers)}"
        if self.options and not self._is_about(wish):
            yield f"no option is {_either(self.options)}"
        if self.only_options and (stray := self._stray(wish)):
            yield f"the option {stray} is not {_either(self.only_options)}"

    def _is_near(self, peer: Peer) -> bool:
        return peer.address is not None and any(peer.address in network for network in self.networks)

    def _is_about(self, wish: Wish) -> bool:
        return any(matches_any(self.options, option.ways) for option in wish.options)

    def _stray(self, wish: Wish) -> str | None:
        asked = (option for option in wish.options if option.role not in _EVERYBODYS)
        strays = (option for option in asked if not matches_any(self.only_options, option.ways))
        stray = next(strays, None)
        return None if stray is None else shown(stray.typed)


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one rule: it matched, or these are the conditions that failed."""

    rule: Rule
    obstacles: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Say it in one sentence, without a full stop."""
        if self.obstacles:
            return f"rule {self.rule.name!r} does not match: {'; '.join(self.obstacles)}"
        reason = f": {self.rule.reason}" if self.rule.reason else ""
        return f"rule {self.rule.name!r} {'allows' if self.rule.allow else 'refuses'} it{reason}"


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rules say.

    Attributes:
        verdict: whether it may be done; a refusal is one sentence for the client.
        trace: the rules up to the one that decided, which is the last, unless none did.
        terms: for what is allowed.
    """

    verdict: Verdict
    trace: tuple[Tried, ...] = ()
    terms: Terms = PLAIN

    @property
    def reasons(self) -> tuple[str, ...]:
        """What became of each rule that was tried, as a sentence each."""
        return tuple(map(str, self.trace))


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules in the order in which they are tried; `file` is where they are written, if anywhere."""

    rules: tuple[Rule, ...]
    file: str | None = None

    def decide(self, peer: Peer, wish: Wish) -> Decision:
        """Say whether `peer` may have what it wishes."""
        trace: list[Tried] = []
        for rule in self.rules:
            trace.append(Tried(rule, tuple(rule.obstacles(peer, wish))))
            if not trace[-1].obstacles:
                return Decision(_verdict(trace), tuple(trace), rule.terms)
        return Decision(_unruled(peer, trace), tuple(trace))


UNRULED: Final = Decision(ALLOWED)
"""What is decided where there are no rules: who was let in may compile."""

_NOBODY_NAMED: Final = Refused(
    (
        "this server serves no certificates yet: its administrator can name users with --allow-user"
        " or --policy",
    ),
    EXIT_ACCESS_DENIED,
)


def decide_without_rules(peer: Peer, _wish: Wish) -> Decision:
    """Decide where there is no policy.

    An address was let in by `--allow`, a login by ssh; but a certificate says only who somebody is.
    """
    return Decision(_NOBODY_NAMED) if peer.identity.startswith("tls:") else UNRULED


def allow_users(names: tuple[str, ...]) -> Policy:
    """Make the policy that `--allow-user` is short for.

    Certificates of these names may have everything; `*` is every certificate of the authority.  Who
    comes without one was let in by `--allow`, by ssh or by the system, and stays so.
    """
    users = Rule("--allow-user", tuple(f"tls:{name}" for name in names), allow=True)
    others = Rule("certificates not listed", ("tls:*",), allow=False, reason=_UNNAMED)
    return Policy((users, others, Rule("--allow", ("*",), allow=True)))


_UNNAMED: Final = "certificate name not in --allow-user"


def _verdict(trace: list[Tried]) -> Verdict:
    decided = trace[-1]
    return ALLOWED if decided.rule.allow else _refused(f"this server's {decided}", trace)


def _unruled(peer: Peer, trace: list[Tried]) -> Refused:
    sentence = f"no rule of this server allows it to {peer.identity}: its administrator can add one"
    return _refused(sentence, trace)


def _refused(sentence: str, trace: list[Tried]) -> Refused:
    return Refused((sentence,), EXIT_ACCESS_DENIED, tuple(map(str, trace)))


def _names(paths: tuple[str, ...]) -> Iterator[str]:
    """Return paths, which patterns with a slash are about, and file names, for those without."""
    for path in paths:
        yield path
        yield path.rpartition("/")[2]


def _either(patterns: tuple[object, ...]) -> str:
    return " or ".join(map(str, patterns))
