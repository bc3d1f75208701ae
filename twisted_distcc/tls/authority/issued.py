"""The certificates that an authority has issued, and the state of each.

`read_issued` turns a certificate into an `Issued`; `in_state` sets the state of each, given the serial
numbers that are revoked and the time.  Nothing here touches files, keys or clocks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LONGEST_NOTICE: Final = timedelta(days=30)


class Role(StrEnum):
    """The kind of holder that a certificate is for."""

    SERVER = "server"
    USER = "user"


PURPOSES: Final[Mapping[Role, x509.ObjectIdentifier]] = {
    Role.SERVER: ExtendedKeyUsageOID.SERVER_AUTH,
    Role.USER: ExtendedKeyUsageOID.CLIENT_AUTH,
}


class State(StrEnum):
    """The state of a certificate."""

    GOOD = "good"
    ENDS_SOON = "ends soon"
    RENEWED = "renewed"
    """Still valid, but its owner has a later one."""
    ENDED = "ended"
    REVOKED = "revoked"

    @property
    def is_accepted(self) -> bool:
        """Whether peers accept it."""
        return self in {State.GOOD, State.ENDS_SOON, State.RENEWED}


@dataclass(frozen=True, slots=True)
class Issued:
    """One issued certificate.

    Attributes:
        serial: its serial number.
        role: who it is for.
        names: all of a server's names and addresses, the main one first; or one name of a user.
        starts: when it becomes valid, in UTC.
        ends: when it expires, in UTC.
        state: its state.
    """

    serial: int
    role: Role
    names: tuple[str, ...]
    starts: datetime
    ends: datetime
    state: State = State.GOOD

    @property
    def name(self) -> str:
        """The name that it goes by."""
        return self.names[0]

    @property
    def owner(self) -> tuple[Role, str]:
        """Whose it is; names that differ only in case have the same owner."""
        return self.role, self.name.casefold()

    def ends_within(self, now: datetime, notice: timedelta | None) -> bool:
        """Whether it expires within `notice`; by default a quarter of its life, at most 30 days."""
        usual = min(_LONGEST_NOTICE, (self.ends - self.starts) / 4)
        return self.ends - now < (usual if notice is None else notice)


def read_issued(certificate: x509.Certificate) -> Issued:
    """Return what a certificate of ours says, which does not include its state."""
    purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    role = next(role for role, purpose in PURPOSES.items() if purpose in purposes)
    return Issued(
        certificate.serial_number,
        role,
        _hosts(certificate) if role is Role.SERVER else (_common_name(certificate),),
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
    )


def in_state(issued: Sequence[Issued], revoked: frozenset[int], now: datetime) -> list[Issued]:
    """Return the certificates, which must be in the order of issue, with their states."""
    latest = {each.owner: each.serial for each in issued if each.serial not in revoked}
    return [replace(each, state=_state(each, revoked, latest, now)) for each in issued]


def _state(
    issued: Issued, revoked: frozenset[int], latest: Mapping[tuple[Role, str], int], now: datetime
) -> State:
    if issued.serial in revoked:
        return State.REVOKED
    if issued.ends <= now:
        return State.ENDED
    if latest[issued.owner] != issued.serial:
        return State.RENEWED
    return State.ENDS_SOON if issued.ends_within(now, None) else State.GOOD


def _hosts(certificate: x509.Certificate) -> tuple[str, ...]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return tuple(str(name.value) for name in names)


def _common_name(certificate: x509.Certificate) -> str:
    (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(name.value)
