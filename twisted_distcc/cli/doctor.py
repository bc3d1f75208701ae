"""`twisted-distcc doctor`: what a server would say, and why.

In: the file of a policy; and, if that is asked, an identity with a command.  Out: what is wrong with the
file; or what becomes of the command, rule by rule, and the verdict, which is the exit status too.  It
asks the very functions that a server asks, on this machine: nothing is connected to, and nothing runs.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Iterator, Sequence

from twisted_distcc.cmdline.compilation import Compilation, StayLocal
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.errors import EXIT_ACCESS_DENIED, EXIT_BAD_ARGUMENTS, DistccError
from twisted_distcc.policy.peer import Peer, tcp_peer
from twisted_distcc.policy.reading import BadPolicyError, is_identity
from twisted_distcc.policy.rules import Decision, Policy, Terms, Wish
from twisted_distcc.policy.verdict import Refused
from twisted_distcc.server.job.policy_state import read_policy
from twisted_distcc.server.options.config import search_path
from twisted_distcc.toolchain.finding import Compilers

_PORT = 0  # of no matter: no rule is about ports


class BadQuestionError(DistccError):
    """What is asked about cannot be meant."""

    exit_code = EXIT_BAD_ARGUMENTS


def main(arguments: Sequence[str]) -> int:
    """Check the policy, explain what is asked about, and give the exit status."""
    words, command = _parted(arguments)
    options = _parser().parse_args(words)
    try:
        policy = read_policy(options.policy)
        print(f"{options.policy}: {_counted(len(policy.rules), 'rule')}, no errors")
        if not (options.identity or options.address or command):
            return 0
        return _explain(policy, _peer(options.identity, options.address), _command(command))
    except (BadPolicyError, BadQuestionError) as error:
        print(f"twisted-distcc doctor: {error}", file=sys.stderr)
        return error.exit_code


def _parted(arguments: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Give what stands before `--`, and the command after it."""
    if "--" not in arguments:
        return arguments, ()
    parting = list(arguments).index("--")
    return arguments[:parting], arguments[parting + 1 :]


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


# What is asked about.


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
        raise BadQuestionError(f"{address} is no address: write one such as 192.0.2.7") from None


def _command(words: Sequence[str]) -> Sequence[str]:
    if not words:
        raise BadQuestionError("say what is asked for, after --, such as -- gcc -O2 -c hello.c")
    return words


# What is answered.


def _explain(policy: Policy, peer: Peer, command: Sequence[str]) -> int:
    where = f" at {peer.address}" if peer.address else ""
    print(f"{peer.identity}{where} asks for: {shlex.join(command)}")
    compilation = parse(command, arrived=True)
    found = Compilers(search_path(os.environ, "")).resolve(command[0])
    refusals = [*_options_line(compilation), *_compiler_line(command[0], found)]
    if isinstance(compilation, StayLocal):
        return _verdict(refusals)
    path = command[0] if isinstance(found, Refused) else found
    decision = policy.decide(peer, Wish.of((path, os.path.realpath(path)), compilation))
    _trace(policy, decision)
    if isinstance(decision.verdict, Refused):
        refusals.append(str(decision.verdict))
    return _verdict(refusals, decision.terms)


def _options_line(compilation: Compilation | StayLocal) -> Iterator[str]:
    if isinstance(compilation, StayLocal):
        print(f"  options: {compilation.reason}")
        yield compilation.reason
    else:
        print("  options: all of them may travel")


def _compiler_line(name: str, found: str | Refused) -> Iterator[str]:
    if isinstance(found, Refused):
        print(f"  compiler: {found}")
        yield str(found)
    else:
        print(f"  compiler: {name} is {found} here")


def _trace(policy: Policy, decision: Decision) -> None:
    for sentence in decision.reasons:
        print(f"  {sentence}")
    for rule in policy.rules[len(decision.trace) :]:
        print(f"  rule {rule.name!r} is not evaluated")


def _verdict(refusals: Sequence[str], terms: Terms | None = None) -> int:
    if refusals:
        print(f"refused: {'; '.join(refusals)}")
        return EXIT_ACCESS_DENIED
    assert terms is not None
    slots = "all slots" if terms.slots is None else _counted(terms.slots, "slot")
    shared = "may" if terms.share else "may not"
    print(f"allowed: {slots}, priority {terms.priority}, results {shared} be shared")
    return 0


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
