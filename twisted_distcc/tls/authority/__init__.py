"""A certificate authority for a farm, which issues, renews and revokes certificates.

An `Authority` lives in a folder.  Given names, it makes bundles for servers and users to copy, and a
revocation list; errors are an `AuthorityError` or `BadNameError` with a message for the user.  `ledger`
knows how the files are arranged in the folder.

Each name has one current certificate, the latest; making another is called renewing.  What is revoked
stays revoked, even when its owner gets a new certificate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Final

from cryptography import x509

from twisted_distcc.tls.authority.issued import Issued, Role, State, in_state, read_issued
from twisted_distcc.tls.authority.ledger import AuthorityError, Ledger, create_ledger
from twisted_distcc.tls.authority.scope import Scope, scope_of
from twisted_distcc.tls.authority.signing import (
    SKEW,
    Period,
    Signer,
    new_authority,
    new_certificate,
    new_key,
    new_list,
    revocation,
)
from twisted_distcc.tls.authority.subject_names import (
    COMMON_NAME_LENGTH,
    BadNameError,
    host_name,
    user_name,
)

Clock = Callable[[], datetime]

LIVES: Final = {Role.SERVER: timedelta(days=365), Role.USER: timedelta(days=30)}
"""How long certificates are valid."""
AUTHORITY_LIFE: Final = timedelta(days=3650)
# An expired list stops everybody who reads it, so each list outlives all certificates that were valid
# when it was made: the first thing to expire, and to be noticed, is a certificate.
LIST_MARGIN: Final = timedelta(days=35)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A folder for a server or a user to copy: certificate, key, authority and revocation list."""

    issued: Issued
    folder: Path


@dataclass(frozen=True, slots=True)
class Overview:
    """A summary of an authority.

    Attributes:
        scope: the hosts that it may certify; None for any.
        ends: when it expires, in UTC.
        list_ends: when its revocation list expires, in UTC.
        issued: each certificate, in the order of issue.
    """

    scope: Scope | None
    ends: datetime
    list_ends: datetime
    issued: Sequence[Issued]


def utc_now() -> datetime:
    """Return the current time, in UTC."""
    return datetime.now(UTC)


class Authority:
    """The authority kept in a folder.  All times are in UTC."""

    def __init__(self, folder: Path, clock: Clock = utc_now) -> None:
        self._ledger = Ledger(folder)
        self._clock = clock

    @classmethod
    def create(cls, folder: Path, scope: Scope | None, clock: Clock = utc_now) -> Authority:
        """Create an authority for hosts in `scope`, in a folder that is empty or does not exist."""
        authority = cls(folder, clock)
        signer = new_authority(scope, Period.of(authority._now(), AUTHORITY_LIFE))
        create_ledger(folder, signer, new_list(signer, 1, (), authority._list_period(())))
        return authority

    @property
    def folder(self) -> Path:
        """The authority's folder."""
        return self._ledger.folder

    def overview(self) -> Overview:
        """Return a summary: its scope, when it expires, and what it has issued."""
        certificate, revoked = self._ledger.certificate(), self._ledger.revoked()
        ends = certificate.not_valid_after_utc
        return Overview(scope_of(certificate), ends, _end_of(revoked), self._issued())

    def issue_server(self, hosts: Iterable[str], life: timedelta | None = None) -> Bundle:
        """Issue a certificate for one server that has all these names and addresses."""
        names = tuple(dict.fromkeys(map(host_name, hosts)))
        scope = scope_of(self._ledger.certificate())
        for name in names:
            if scope is not None and not scope.covers(name):
                raise _outside(name, scope)
        if len(names[0]) > COMMON_NAME_LENGTH:
            raise BadNameError(
                f"{names[0]} has more than {COMMON_NAME_LENGTH} characters;"
                " give the server a shorter name first, and this one after it"
            )
        return self._issue_first(Role.SERVER, names, life)

    def issue_user(self, name: str, life: timedelta | None = None) -> Bundle:
        """Issue a certificate for a user."""
        name = user_name(name)
        scope = scope_of(self._ledger.certificate())
        if scope is not None and not scope.covers_user(name):
            raise BadNameError(
                f"{name} looks like the name of a host, that this authority may not certify;"
                f" leave out the dots, or add an @ and a domain"
            )
        return self._issue_first(Role.USER, (name,), life)

    def renew(
        self, which: Sequence[str], notice: timedelta | None = None, life: timedelta | None = None
    ) -> list[Bundle]:
        """Issue new certificates, with new keys, in place of existing ones.

        Args:
            which: names or serial numbers; if empty, all that expire within `notice` and have not yet.
            notice: by default a quarter of a certificate's life, and 30 days at most.
            life: how long the new ones are valid; by default as long as the old ones.
        """
        with self._ledger.locked():
            issued = self._issued()
            chosen = [_latest(issued, each) for each in which] or [
                each for each in issued if self._is_due(each, notice)
            ]
            distinct = {each.serial: each for each in chosen}.values()
            return [self._issue(each.role, each.names, life or _life_of(each)) for each in distinct]

    def revoke(self, which: str) -> list[Issued]:
        """Revoke all certificates of a name, or the one with that serial number."""
        with self._ledger.locked():
            found = _of_one_owner(self._issued(), which)
            taken = [each for each in found if each.state.is_accepted]
            if not taken:
                raise AuthorityError(
                    f"{which} has no certificate that is still valid: there is nothing to revoke"
                )
            revoked = self._sign_list(self._ledger.signer(), [each.serial for each in taken])
            self._ledger.bundles_follow(revoked)
        return taken

    def renew_list(self) -> datetime:
        """Sign the revocation list again, and return when the new one expires."""
        with self._ledger.locked():
            revoked = self._sign_list(self._ledger.signer(), ())
            self._ledger.bundles_follow(revoked)
        return _end_of(revoked)

    def _issue_first(self, role: Role, names: tuple[str, ...], life: timedelta | None) -> Bundle:
        with self._ledger.locked():
            wanted = (role, names[0].casefold())
            for each in self._issued():
                if each.owner == wanted and each.state is not State.REVOKED:
                    raise AuthorityError(
                        f"the {role} {each.name} has a certificate until {each.ends:%Y-%m-%d};"
                        f" `twisted-distcc certs renew {each.name}` makes a new one"
                    )
            self._ledger.refuse_unknown_bundle(role, names[0])
            return self._issue(role, names, life or LIVES[role])

    def _issue(self, role: Role, names: tuple[str, ...], life: timedelta) -> Bundle:
        signer, key = self._ledger.signer(), new_key()
        latest = signer.certificate.not_valid_after_utc
        if latest <= self._now():
            raise AuthorityError(f"this authority expired on {latest:%Y-%m-%d}; make another one")
        period = Period.of(self._now(), life, latest)
        certificate = new_certificate(signer, key.public_key(), role, names, period)
        self._ledger.record(certificate)
        self._sign_list(signer, ())
        return Bundle(read_issued(certificate), self._ledger.publish_bundle(certificate, key))

    def _sign_list(self, signer: Signer, also: Iterable[int]) -> x509.CertificateRevocationList:
        """Sign a list of everything revoked so far, and of the serial numbers in `also`."""
        before = self._ledger.revoked()
        number = before.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        entries = chain(before, (revocation(serial, self._now()) for serial in also))
        revoked = new_list(signer, number + 1, entries, self._list_period(self._issued()))
        self._ledger.replace_list(revoked)
        return revoked

    def _list_period(self, issued: Iterable[Issued]) -> Period:
        now = self._now()
        last = max([now + LIVES[Role.SERVER], *(each.ends for each in issued)])
        return Period.of(now, last - now + LIST_MARGIN)

    def _issued(self) -> list[Issued]:
        revoked = frozenset(entry.serial_number for entry in self._ledger.revoked())
        return in_state(self._ledger.issued(), revoked, self._now())

    def _is_due(self, issued: Issued, notice: timedelta | None) -> bool:
        counts = issued.state in {State.GOOD, State.ENDS_SOON}
        return counts and issued.ends_within(self._now(), notice)

    def _now(self) -> datetime:
        return self._clock().replace(microsecond=0)  # certificates know no fractions


def _end_of(revoked: x509.CertificateRevocationList) -> datetime:
    assert revoked.next_update_utc is not None  # ours always say
    return revoked.next_update_utc


def _latest(issued: Sequence[Issued], which: str) -> Issued:
    counting = [each for each in _of_one_owner(issued, which) if each.state is not State.REVOKED]
    if not counting:
        raise AuthorityError(f"what {which} had is revoked; make a new certificate instead")
    return counting[-1]


def _of_one_owner(issued: Sequence[Issued], which: str) -> list[Issued]:
    found = list(_matching(issued, which))
    if not found:
        raise AuthorityError(f"nothing was issued to {which!r}; `twisted-distcc certs show` lists all")
    if len({each.owner for each in found}) > 1:
        raise AuthorityError(
            f"{which} may be a server or a user; give the serial number that `show` prints"
        )
    return found


def _matching(issued: Sequence[Issued], which: str) -> Iterator[Issued]:
    serial = which.replace(":", "").casefold().lstrip("0")
    for each in issued:
        names = {name.casefold() for name in each.names}
        if which.casefold() in names or f"{each.serial:x}" == serial:
            yield each


def _life_of(issued: Issued) -> timedelta:
    return issued.ends - issued.starts - SKEW


def _outside(name: str, scope: Scope) -> BadNameError:
    return BadNameError(
        f"this authority may not certify {name}, but for: {scope};"
        " an authority's scope never changes: make another with"
        f" `twisted-distcc certs init --authority DIR --permit {name}`"
    )
