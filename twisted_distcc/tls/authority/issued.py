"""What an authority has issued, and how each certificate stands.

In: certificates, the list of those taken back, and a time.  Out: one `Issued` for each, with its
state.  This module refuses to know files, keys and clocks.
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
    """Who a certificate is for."""

    SERVER = "server"
    USER = "user"


PURPOSES: Final[Mapping[Role, x509.ObjectIdentifier]] = {
    Role.SERVER: ExtendedKeyUsageOID.SERVER_AUTH,
    Role.USER: ExtendedKeyUsageOID.CLIENT_AUTH,
}


class State(StrEnum):
    """How a certificate stands."""

    GOOD = "good"
    ENDS_SOON = "ends soon"
    RENEWED = "renewed"
    """Still good, but its owner has a later one."""
    ENDED = "ended"
    REVOKED = "revoked"

    @property
    def is_accepted(self) -> bool:
        """Whether peers let its owner in."""
        return self in {State.GOOD, State.ENDS_SOON, State.RENEWED}


@dataclass(frozen=True, slots=True)
class Issued:
    """One certificate.

    Attributes:
        serial: its number.
        role: who it is for.
        names: all of a server's names and addresses, the first first; one name of a user's.
        starts: when it becomes good, in UTC.
        ends: when it ceases to be.
        state: how it stands.
    """

    serial: int
    role: Role
    names: tuple[str, ...]
    starts: datetime
    ends: datetime
    state: State = State.GOOD

    @property
    def name(self) -> str:
        """What it is called by."""
        return self.names[0]

    @property
    def owner(self) -> tuple[Role, str]:
        """Who has it; names that differ in case alone are one's."""
        return self.role, self.name.casefold()

    def ends_within(self, now: datetime, notice: timedelta | None) -> bool:
        """Whether it ends so soon; by default in a quarter of its life, and in 30 days at most."""
        usual = min(_LONGEST_NOTICE, (self.ends - self.starts) / 4)
        return self.ends - now < (usual if notice is None else notice)


def read_issued(certificate: x509.Certificate) -> Issued:
    """Read what a certificate of ours says; its state is not in it."""
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
    """Say of each certificate how it stands, given in the order of issue."""
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
