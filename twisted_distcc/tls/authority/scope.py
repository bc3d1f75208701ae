"""The hosts that an authority may certify: X.509's name constraints.

A `Scope` is read from domains and networks, as people type them or as a certificate has them.  It says
whether a name is covered, and provides the extension that makes every verifier check the same.

X.509 does not restrict a kind of name that no constraint mentions (RFC 5280, 4.2.1.10).  A scope does:
an authority for just `example.org` signs no addresses, so all of them are excluded explicitly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from cryptography import x509

from twisted_distcc.policy.access import without_scope
from twisted_distcc.tls.authority.subject_names import BadNameError, as_address, host_name

Network = IPv4Network | IPv6Network

ANY: Final = "any"
"""The word for no constraints at all."""

# Nobody owns these on the internet: RFC 6761, 6762 and 8375, ICANN's reservation of `internal`, and
# what routers for homes hand out.
PRIVATE_DOMAINS: Final = ("home.arpa", "internal", "lan", "local", "localdomain", "localhost")
# RFC 1918, 4193 and 6598 (which overlay networks use), and this machine itself.
PRIVATE_NETWORKS: Final = (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "100.64.0.0/10", "127.0.0.0/8",
    "::1/128",
)  # fmt: skip
_ALL_ADDRESSES: Final = (ip_network("0.0.0.0/0"), ip_network("::/0"))


@dataclass(frozen=True, slots=True)
class Scope:
    """The hosts that an authority may certify.

    Attributes:
        domains: each stands for itself and all names below it.
        networks: each stands for all addresses in it.
    """

    domains: tuple[str, ...]
    networks: tuple[Network, ...]

    def __str__(self) -> str:
        domains = (f"{domain} and below" for domain in self.domains)
        return ", ".join([*domains, *map(str, self.networks)])

    def covers(self, host: str) -> bool:
        """Whether `host`, as `host_name` returns it, is in scope."""
        address = as_address(host)
        if address is not None:
            return any(address in network for network in self.networks)
        return any(f".{host}".endswith(f".{domain}") for domain in self.domains)

    def covers_user(self, name: str) -> bool:
        """Whether verifiers accept a user of that name.

        If a certificate names no host, OpenSSL treats a common name that looks like one as one.
        """
        return "." not in name or "@" in name or self.covers(name.lower())

    def extension(self) -> x509.NameConstraints:
        """Return the scope as an X.509 extension."""
        permitted = [*map(x509.DNSName, self.domains), *map(x509.IPAddress, self.networks)]
        return x509.NameConstraints(permitted, list(self._excluded()) or None)

    def _excluded(self) -> Iterator[x509.GeneralName]:
        if not self.domains:
            yield x509.DNSName("")  # every name is below the empty one
        for everything in _ALL_ADDRESSES:
            if everything.version not in {network.version for network in self.networks}:
                yield x509.IPAddress(everything)


def scope_of(certificate: x509.Certificate) -> Scope | None:
    """Return the scope of an authority's certificate; None if it may certify any host."""
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return None
    permitted = [name.value for name in constraints.permitted_subtrees or ()]
    return Scope(
        tuple(value for value in permitted if isinstance(value, str)),
        tuple(value for value in permitted if isinstance(value, Network)),
    )


def read_scope(texts: Iterable[str]) -> Scope | None:
    """Parse what people permit: domains, networks, addresses, or `any`; raises `BadNameError`."""
    wanted = list(texts)
    if ANY in wanted:
        return None
    read = list(dict.fromkeys(map(_domain_or_network, wanted)))
    return Scope(
        tuple(each for each in read if isinstance(each, str)),
        tuple(each for each in read if not isinstance(each, str)),
    )


def usual_scope(own_name: str) -> Scope:
    """Return the default scope: private domains and networks, and this machine's domain.

    Args:
        own_name: this machine's name; ignored if it is not a valid host name.
    """
    return Scope(
        tuple(dict.fromkeys([*_own_domain(own_name), *PRIVATE_DOMAINS])),
        tuple(map(ip_network, PRIVATE_NETWORKS)),
    )


def _own_domain(own_name: str) -> Iterator[str]:
    try:
        name = host_name(own_name)
    except BadNameError:
        return
    if as_address(name) is None:
        parent = name.partition(".")[2]
        # A parent without a dot is all of `.org`, or nothing.
        yield parent if "." in parent else name


def _domain_or_network(text: str) -> str | Network:
    if "/" in text or as_address(text) is not None:
        if "%" in text:
            bare = without_scope(text)
            raise BadNameError(f"{text!r} names an interface, and certificates have none; write {bare}")
        try:
            return ip_network(text)
        except ValueError as error:
            raise BadNameError(f"{text!r} is not a network, such as 10.0.0.0/8: {error}") from None
    return host_name(text.removeprefix("."))
