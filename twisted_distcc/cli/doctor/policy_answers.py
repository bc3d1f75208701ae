"""`twisted-distcc doctor`: check a policy, and explain what a server would answer.

Given a policy alone, it says whether the file is valid.  Given also an identity and a command, it has
the server's own code decide, with this machine's compilers and environment, prints the outcome of each
rule, and exits with the verdict.  It connects to nothing and runs nothing.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from twisted_distcc.cli.arguments import split_command
from twisted_distcc.errors import EXIT_ACCESS_DENIED, EXIT_BAD_ARGUMENTS, DistccError, sentence
from twisted_distcc.policy.peer import Peer, tcp_peer
from twisted_distcc.policy.reading import is_identity
from twisted_distcc.policy.rules import Decision, Policy, Terms, Wish
from twisted_distcc.policy.verdict import Refused
from twisted_distcc.server.job.authorize import Judge
from twisted_distcc.server.options.config import command_list, read_policy, search_path
from twisted_distcc.toolchain.finding import Compilers

_PORT = 0  # any: no rule depends on ports


class BadQuestionError(DistccError):
    """The question on the command line makes no sense."""

    exit_code = EXIT_BAD_ARGUMENTS


def main(arguments: Sequence[str]) -> int:
    """Check the policy, explain the answer to a command if one is given, and return the exit status."""
    words, command = split_command(arguments)
    options = _parser().parse_args(words)
    try:
        policy = read_policy(options.policy)
        print(f"{options.policy}: {_counted(len(policy.rules), 'rule')}, no errors")
        if not (options.identity or options.address or command):
            return 0
        return _explain(policy, _peer(options.identity, options.address), _command(command))
    except (DistccError, OSError) as error:
        print(f"twisted-distcc doctor: {sentence(error)}", file=sys.stderr)
        return EXIT_BAD_ARGUMENTS


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="twisted-distcc doctor",
        usage="twisted-distcc doctor --policy FILE [--as IDENTITY [--from ADDRESS] -- COMMAND...]",
        description="Check a policy, and say rule by rule what a server would answer.",
        epilog=f"exit status: 0 allowed, {EXIT_ACCESS_DENIED} refused, {EXIT_BAD_ARGUMENTS} a bad file",
        allow_abbrev=False,
    )
    parser.add_argument("--policy", required=True, metavar="FILE", help="the rules, in TOML")
    parser.add_argument(
        "--as",
        dest="identity",
        metavar="IDENTITY",
        help="who asks: tls:alice, ssh:bob, tcp:192.0.2.7 ...",
    )
    parser.add_argument("--from", dest="address", metavar="ADDRESS", help="where they ask from")
    return parser


# The question.


def _peer(identity: str | None, address: str | None) -> Peer:
    if identity is None:
        raise BadQuestionError("say who asks, with --as IDENTITY, such as --as tls:alice")
    if not is_identity(identity) or "*" in identity:
        raise BadQuestionError(f"--as {identity}: write one identity, such as tls:alice or uid:1000")
    address = address or (identity.removeprefix("tcp:") if identity.startswith("tcp:") else None)
    if address is None:
        return Peer(identity)
    try:
        return Peer(identity, tcp_peer(address.strip("[]"), _PORT).address)
    except ValueError:
        raise BadQuestionError(f"{address} is not an address: write one such as 192.0.2.7") from None


def _command(words: Sequence[str]) -> Sequence[str]:
    if not words:
        raise BadQuestionError("say what is asked for, after --, such as -- gcc -O2 -c hello.c")
    return words


# The answer.


@dataclass(frozen=True, slots=True)
class _Answer:
    """A server's answer to a command: whether it accepts it, and how it decided, line by line."""

    is_allowed: bool
    lines: tuple[str, ...]


def _explain(policy: Policy, peer: Peer, command: Sequence[str]) -> int:
    where = f" at {peer.address}" if peer.address else ""
    print(f"{peer.identity}{where} asks for: {shlex.join(command)}")
    compilers = Compilers(search_path(os.environ, ""), command_list(os.environ))
    ask = partial(_answer, policy, compilers, peer, command)
    text, files = ask(with_files=False), ask(with_files=True)
    if text == files:
        print(*text.lines, sep="\n")
    else:
        print("sent as preprocessed text:", *text.lines, sep="\n")
        print("sent with its headers, to be preprocessed here:", *files.lines, sep="\n")
    return 0 if text.is_allowed or files.is_allowed else EXIT_ACCESS_DENIED


def _answer(
    policy: Policy, compilers: Compilers, peer: Peer, command: Sequence[str], *, with_files: bool
) -> _Answer:
    """Have the server's own code decide, recording what it asks of the policy."""
    lines: list[str] = []

    def decide(peer: Peer, wish: Wish) -> Decision:
        decision = policy.decide(peer, wish)
        lines.append(f"  compiler: {wish.compilers[0]}")
        lines.extend(f"  {reason}" for reason in decision.reasons)
        lines.extend(
            f"  rule {rule.name!r} is not evaluated" for rule in policy.rules[len(decision.trace) :]
        )
        return decision

    judged = Judge(compilers, decide).command(command, peer, with_files=with_files)
    if isinstance(judged, Refused):
        return _Answer(False, (*lines, f"refused: {judged}"))
    return _Answer(True, (*lines, _allowed(judged.decision.terms)))


def _allowed(terms: Terms) -> str:
    slots = "all slots" if terms.slots is None else _counted(terms.slots, "slot")
    shared = "may" if terms.share else "may not"
    return f"allowed: {slots}, priority {terms.priority}, results {shared} be shared"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
