"""Decide which addresses may connect.

An `AllowList` of networks in CIDR notation judges a peer.  IPv4-mapped IPv6 addresses match IPv4 rules,
since `Peer` holds them unmapped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final, TypeAlias

from twisted_distcc.errors import EXIT_ACCESS_DENIED, DistccError
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.verdict import ALLOWED, Refused, Verdict

Network: TypeAlias = IPv4Network | IPv6Network

# RFC 1918, RFC 4193, loopback and link-local: what `--allow-private` stands for.
PRIVATE: Final = (
    "10.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
)


class BadNetworkError(DistccError):
    """A network is not an address, optionally followed by `/` and a prefix length."""


@dataclass(frozen=True, slots=True)
class AllowList:
    """Addresses that may connect, as networks."""

    networks: tuple[Network, ...]

    @classmethod
    def parse(cls, texts: Iterable[str]) -> AllowList:
        """Parse networks such as `192.0.2.0/24`, `2001:db8::/32` or `192.0.2.7`.

        Raises:
            BadNetworkError: naming the text that is not a network.
        """
        return cls(tuple(_allowed(text) for text in texts))

    def judge(self, peer: Peer) -> Verdict:
        """Return whether `peer` may connect.

        A peer without an address was admitted by someone else, one with a certificate by its authority.
        """
        address = peer.address
        if (
            address is None
            or peer.names
            or any(address in network for network in self.networks if network.version == address.version)
        ):
            return ALLOWED
        sentence = f"this server does not serve {address}: its administrator can --allow it"
        return Refused((sentence,), EXIT_ACCESS_DENIED)


def parse_network(text: str) -> Network:
    """Parse an address, or a network such as `192.0.2.0/24`.

    Raises:
        BadNetworkError: if it is neither, or has a scope, which a rule would ignore.
    """
    if "%" in text:
        raise BadNetworkError(
            f"{text!r} names an interface, and rules go by addresses alone; write {without_scope(text)},"
            " and choose interfaces by --listen"
        )
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise BadNetworkError(f"{error}; write an address or a network, such as 192.0.2.0/24") from None


def without_scope(text: str) -> str:
    """Return an address or a network without its interface: `fe80::%eth0/64` is `fe80::/64`."""
    address, _, rest = text.partition("%")
    return address + "".join(rest.partition("/")[1:])


def _allowed(text: str) -> Network:
    try:
        return parse_network(text)
    except BadNetworkError as error:
        raise BadNetworkError(f"--allow {text}: {error}") from None


def everyone(_: Peer) -> Verdict:
    """Allow every peer, for servers whose listener only accepts trusted ones."""
    return ALLOWED
