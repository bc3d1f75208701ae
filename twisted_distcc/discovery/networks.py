"""The interfaces of this machine: where a server announces itself, and which addresses a client calls.

A server announces itself only where it listens, and with the addresses of that interface alone.  A
client calls only addresses of networks that it is attached to, and never its own loopback: a record must
not lead it to a service of this machine, or to some address far away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface
from typing import Final

import ifaddr

_ANYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104  (recognised, not listened on)


@dataclass(frozen=True, slots=True)
class Adapter:
    """An interface with its addresses."""

    name: str
    index: int
    addresses: tuple[IPv4Interface | IPv6Interface, ...]

    @property
    def is_loopback(self) -> bool:
        """Whether it leads nowhere but here."""
        return any(address.is_loopback for address in self.addresses)


@dataclass(frozen=True, slots=True)
class Link:
    """An interface on which a server can be called.

    Attributes:
        name: the interface.
        addresses: the addresses that it has there, and listens on.
        port: its port for plain TCP; 0 if there is none.
        tls: its port for clients with certificates; 0 if there is none.
    """

    name: str
    addresses: tuple[str, ...]
    port: int
    tls: int


Listeners = Sequence[tuple[str, int]]
"""Addresses and ports that a server listens on."""


def own_adapters() -> tuple[Adapter, ...]:
    """Return the interfaces of this machine."""
    return tuple(
        Adapter(adapter.nice_name, adapter.index or 0, tuple(_addresses(adapter)))
        for adapter in ifaddr.get_adapters()
    )


def _addresses(adapter: ifaddr.Adapter) -> Iterator[IPv4Interface | IPv6Interface]:
    for found in adapter.ips:
        text = found.ip if isinstance(found.ip, str) else found.ip[0]
        yield ip_interface(f"{text.partition('%')[0]}/{found.network_prefix}")


def links(adapters: Iterable[Adapter], plain: Listeners, tls: Listeners) -> tuple[Link, ...]:
    """Return where a server can be called that listens on `plain`, and on `tls` for TLS."""
    found = []
    for adapter in adapters:
        on_plain, on_tls = _heard(adapter, plain), _heard(adapter, tls)
        addresses = tuple(dict.fromkeys([*on_plain, *on_tls]))
        if addresses:
            port = next(iter(on_plain.values()), 0)
            found.append(Link(adapter.name, addresses, port, next(iter(on_tls.values()), 0)))
    return tuple(found)


def _heard(adapter: Adapter, listeners: Listeners) -> dict[str, int]:
    """Return the addresses of `adapter` that are listened on, with their ports."""
    ports: dict[str, int] = {}
    for text, port in listeners:
        wanted = text.partition("%")[0]
        for address in adapter.addresses:
            same_family = (":" in wanted) == (address.version == 6)
            is_any = wanted in _ANYWHERE and same_family and not adapter.is_loopback
            if is_any or str(address.ip) == wanted:
                ports.setdefault(str(address.ip), port)
    return ports


def callable_address(addresses: Iterable[str], adapters: Sequence[Adapter]) -> str | None:
    """Return the first of a record's addresses that is on a network of this machine; IPv4 is preferred.

    A link-local address has the number of its interface, as in `fe80::7%3`.
    """
    believed = [address for address in addresses if _is_near(address, adapters)]
    return min(believed, key=_rank, default=None)


def _rank(address: str) -> tuple[bool, bool]:
    return ":" in address, "%" in address


def _is_near(text: str, adapters: Iterable[Adapter]) -> bool:
    plain, _, scope = text.partition("%")
    try:
        address = ip_address(plain)
    except ValueError:
        return False
    if address.is_loopback or address.is_multicast or address.is_unspecified:
        return False
    if address.version == 6 and address.is_link_local:
        return any(scope == str(adapter.index) for adapter in adapters if not adapter.is_loopback)
    return any(address in own.network for adapter in adapters for own in adapter.addresses)
