"""The names in a certificate.

These functions take any certificate, trusted or not, and return its holder's name for people, all of its
names, or whether it belongs to the server that a client meant.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import extract_patterns
from service_identity.hazmat import DNS_ID, IPAddress_ID, ServiceID, verify_service_identity

# Names that cannot be mistaken for another word in a rule, or for two words in a log.
_USABLE: Final = re.compile(r"[A-Za-z0-9._@-]{1,64}")
_LONGEST: Final = 64


# A user's compiles present the same certificate over and over, so its names are cached.
@lru_cache
def common_name(certificate: x509.Certificate) -> str | None:
    """Return the subject's only common name; None unless it is safe to use in rules and logs."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(names) != 1 or not isinstance(names[0].value, str):
        return None
    return names[0].value if _USABLE.fullmatch(names[0].value) else None


def holder(certificate: x509.Certificate) -> str:
    """Return the holder's name in printable form, whatever the certificate contains."""
    name = common_name(certificate)
    if name is not None:
        return name
    shown = ascii(certificate.subject.rfc4514_string()[:_LONGEST])
    return f"{shown}, serial number {certificate.serial_number:x}"


@lru_cache
def all_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return every name of the holder: the subject, the alternative names, the serial number."""
    subject = certificate.subject.rfc4514_string()
    return (subject, *_alternative_names(certificate), f"serial:{certificate.serial_number:x}")


def answers_to(certificate: x509.Certificate, name: str) -> bool:
    """Whether `certificate` is for the server that a client calls `name`: a name or an address."""
    try:
        verify_service_identity(extract_patterns(certificate), [_service(name)], [])
    except (CertificateError, VerificationError, ValueError, x509.UnsupportedGeneralNameType):
        return False
    return True


def server_name(name: str) -> bytes | None:
    """Return the SNI for the server `name`; None for an address, which is not sent."""
    service = _service(name)
    return service.hostname if isinstance(service, DNS_ID) else None


@lru_cache
def _service(name: str) -> ServiceID:
    address = name.partition("%")[0]
    try:
        ip_address(address)
    except ValueError:
        return DNS_ID(name.encode("idna").decode("ascii"))
    return IPAddress_ID(address)


def _alternative_names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (
        *(x509.ExtensionNotFound, x509.DuplicateExtension, ValueError),
        x509.UnsupportedGeneralNameType,
    ):
        return ()
    return tuple(map(_spelled, extension.value))


def names_for_servers(certificate: x509.Certificate) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the host names, and the addresses, that a server's certificate is for."""
    names = [name.partition(":") for name in _alternative_names(certificate)]
    hosts, addresses = (
        tuple(name for kind, _, name in names if kind == wanted) for wanted in ("dns", "ip")
    )
    return hosts, addresses


def _spelled(name: x509.GeneralName) -> str:
    match name:
        case x509.DNSName(value=value):
            return f"dns:{value}"
        case x509.IPAddress(value=value):
            return f"ip:{value}"
        case x509.RFC822Name(value=value):
            return f"email:{value}"
        case x509.UniformResourceIdentifier(value=value):
            return f"uri:{value}"
    return "other"
