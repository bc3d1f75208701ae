"""The administrator's rules: who may compile what, on which terms.

`Policy.decide` takes a peer and what it asks for, and returns a `Decision`, which records the outcome of
each rule, so that a log and `twisted-distcc doctor` can explain it.  The first rule that matches
decides; if none does, the answer is no.  `reading` parses the rules, `access` decides whether addresses
may connect at all, and `cmdline` knows what the options of a compiler mean.
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

# What every command has, and rules ignore: -c, -o and the names of files.
_UNASKED: Final = frozenset({Role.SOURCE, Role.OUTPUT, Role.STAGE})
# What `only_options` ignores as well: the dependency file, an output like the object; and -x, which
# clients add because what they send is preprocessed.
_EVERYBODYS: Final = frozenset(
    {Role.MAKE_RULES, Role.MAKE_FILE, Role.MAKE_TARGET, Role.MAKE_PHONY, Role.FOR_PREPROCESSOR}
    | {Role.LANGUAGE}
)


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms on which a job is served.

    Attributes:
        slots: how many jobs of its identity may run at a time; `None` for no limit.
        priority: jobs with a higher number go first.
        share: whether toolchains that come with it serve others who share, and theirs serve it.
        toolchains: the digests of toolchains that may come with it, or "any"; `None` if nothing is said.
        programs: whether these may load programs that come with them.
    """

    slots: int | None = None
    priority: int = 0
    share: bool = False
    toolchains: tuple[str, ...] | None = None
    programs: bool = False


PLAIN: Final = Terms()
"""The default terms."""


@dataclass(frozen=True)  # without slots: it remembers spellings, which most servers never ask for
class Wish:
    """What a peer asks for.

    Attributes:
        compilers: the compiler's path on this server, and the file that it leads to.
        asked: its options, in order.
    """

    compilers: tuple[str, ...]
    asked: tuple[Option, ...] = ()

    @classmethod
    def of(cls, compilers: tuple[str, ...], compilation: Compilation) -> Wish:
        """Return the wish expressed by a command line; names of files are not options."""
        return cls(compilers, tuple(o for o in compilation.options if o.role not in _UNASKED))

    @cached_property
    def options(self) -> tuple[Written, ...]:
        """Each option with all of its spellings."""
        return tuple(written(self.asked))


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; it matches if all of its conditions do, and an empty condition always does.

    Attributes:
        name: its name in logs.
        who: patterns of identities.
        allow: whether what it matches is allowed, or refused.
        networks: networks that must contain the peer's address (`from`).
        compilers: patterns of paths, or of file names if they have no slash.
        options: patterns, at least one of which must match some option of the command.
        only_options: patterns, at least one of which must match each option of the command.
        terms: the terms for what is allowed.
        reason: a sentence by the administrator.
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
        """Yield, for each condition that fails, why it does."""
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
    """The outcome of one rule: it matched, or these conditions failed."""

    rule: Rule
    obstacles: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the outcome as one sentence, without a full stop."""
        if self.obstacles:
            return f"rule {self.rule.name!r} does not match: {'; '.join(self.obstacles)}"
        reason = f": {self.rule.reason}" if self.rule.reason else ""
        return f"rule {self.rule.name!r} {'allows' if self.rule.allow else 'refuses'} it{reason}"


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision that the rules make.

    Attributes:
        verdict: whether it is allowed; a refusal is one sentence for the client.
        trace: the rules up to the one that decided, which is the last, unless none did.
        terms: the terms for what is allowed.
    """

    verdict: Verdict
    trace: tuple[Tried, ...] = ()
    terms: Terms = PLAIN

    @property
    def reasons(self) -> tuple[str, ...]:
        """The outcome of each rule that was tried, as a sentence each."""
        return tuple(map(str, self.trace))


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules in the order in which they are tried; `file` is the file that they are from, if any."""

    rules: tuple[Rule, ...]
    file: str | None = None

    def decide(self, peer: Peer, wish: Wish) -> Decision:
        """Decide whether `peer` may have what it asks for."""
        trace: list[Tried] = []
        for rule in self.rules:
            trace.append(Tried(rule, tuple(rule.obstacles(peer, wish))))
            if not trace[-1].obstacles:
                return Decision(_verdict(trace), tuple(trace), rule.terms)
        return Decision(_unruled(peer, trace), tuple(trace))


UNRULED: Final = Decision(ALLOWED)
"""The decision without rules: whoever was admitted may compile."""

_NOBODY_NAMED: Final = Refused(
    (
        "this server serves no certificates yet: its administrator can name users with --allow-user"
        " or --policy",
    ),
    EXIT_ACCESS_DENIED,
)


def decide_without_rules(peer: Peer, _wish: Wish) -> Decision:
    """Decide without a policy.

    An address was admitted by `--allow`, a login by ssh; but a certificate only says who somebody is.
    """
    return Decision(_NOBODY_NAMED) if peer.identity.startswith("tls:") else UNRULED


def allow_users(names: tuple[str, ...]) -> Policy:
    """Return the policy that `--allow-user` is short for.

    Certificates with these names are allowed everything; `*` is every certificate of the authority.
    Whoever has none was admitted by `--allow`, by ssh or by the system, and still is.
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
    """Yield paths, for patterns with a slash, and file names, for those without."""
    for path in paths:
        yield path
        yield path.rpartition("/")[2]


def _either(patterns: tuple[object, ...]) -> str:
    return " or ".join(map(str, patterns))
