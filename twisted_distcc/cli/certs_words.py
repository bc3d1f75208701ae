"""The messages of `twisted-distcc certs`: what it did, and which commands to run next.

Each function takes what an authority did, and yields lines of text.  Nothing here has side effects.

Names in lines that are meant for a shell are quoted.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from twisted_distcc.tls.authority import Authority, Bundle, Overview
from twisted_distcc.tls.authority.issued import Issued, Role, State
from twisted_distcc.tls.authority.ledger import AUTHORITY, CERTIFICATE, KEY, REVOKED

SERVER_FOLDER: Final = "/etc/distcc/tls"
USER_FOLDER: Final = "~/.distcc/tls"

_OPTIONS: Final = {
    "--tls-certificate": CERTIFICATE,
    "--tls-key": KEY,
    "--tls-ca": AUTHORITY,
    "--tls-crl": REVOKED,
}
_LIST_NOTICE: Final = timedelta(days=30)
_AUTHORITY_NOTICE: Final = timedelta(days=365)


def after_init(authority: Authority) -> Iterator[str]:
    """Say which hosts the authority may certify, and how to make the first certificates."""
    overview = authority.overview()
    command = _command(authority.folder)
    yield f"Made an authority in {authority.folder}, which expires on {overview.ends:%Y-%m-%d}."
    yield f"It may issue certificates for {overview.scope or 'any host'}."
    yield "Whoever has its key.pem can let anybody in: keep that folder private, and a copy of it safe."
    yield "Make a certificate for each server and each user:"
    yield f"    {command} server HOST [OTHER-NAME-OR-ADDRESS]..."
    yield f"    {command} user NAME"


def after_issue(bundles: Sequence[Bundle]) -> Iterator[str]:
    """Say which certificates were made, and where to put them."""
    if not bundles:
        yield "Nothing expires soon; `renew NAME` renews a certificate before that."
    for bundle in bundles:
        issued = bundle.issued
        names = f"{issued.name} ({', '.join(issued.names[1:])})" if issued.names[1:] else issued.name
        yield f"Made a certificate for the {issued.role} {names}; it expires on {issued.ends:%Y-%m-%d}."
        yield from _server_steps(bundle) if issued.role is Role.SERVER else _user_steps(bundle)


def after_revocation(authority: Authority, revoked: Iterable[Issued]) -> Iterator[str]:
    """Say which certificates were revoked, and who needs the new list."""
    for each in revoked:
        yield f"Revoked the certificate {each.serial:x} of the {each.role} {each.name}."
    yield from _list_steps(authority)


def after_list(authority: Authority, ends: datetime) -> Iterator[str]:
    """Say when the new revocation list expires, and who needs it."""
    yield f"Signed the list of revoked certificates again; it expires on {ends:%Y-%m-%d}."
    yield from _list_steps(authority)


def overview(folder: Path, overview: Overview, now: datetime) -> Iterator[str]:
    """Yield a table of what was issued, and warnings about what needs to be done."""
    rows = [
        ("NAME", "ROLE", "ENDS", "STATE", "SERIAL"),
        *(
            (", ".join(each.names), each.role, f"{each.ends:%Y-%m-%d}", each.state, f"{each.serial:x}")
            for each in overview.issued
        ),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
    yield f"The authority may issue certificates for {overview.scope or 'any host'}."
    yield from _warnings(_command(folder), overview, now)


def _warnings(command: str, overview: Overview, now: datetime) -> Iterator[str]:
    for each in overview.issued:
        if each.state in {State.ENDS_SOON, State.ENDED} and _is_last(each, overview.issued):
            what = f"the certificate of {each.name}"
            yield _warning(what, each.ends, now, f"{command} renew {shlex.quote(each.name)}")
    if overview.list_ends - now < _LIST_NOTICE:
        yield _warning("the list of revoked certificates", overview.list_ends, now, f"{command} crl")
    if overview.ends - now < _AUTHORITY_NOTICE:
        yield _warning("the authority", overview.ends, now, "twisted-distcc certs init --authority DIR")


def _is_last(issued: Issued, among: Iterable[Issued]) -> bool:
    return issued == [each for each in among if each.owner == issued.owner][-1]


def _warning(what: str, ends: datetime, now: datetime, remedy: str) -> str:
    days = (ends - now).days
    when = "has ended" if ends <= now else f"ends in {days} day{'' if days == 1 else 's'}"
    return f"Warning: {what} {when}; next: {remedy}"


def _server_steps(bundle: Bundle) -> Iterator[str]:
    name = bundle.issued.name
    options = (f"{option} {SERVER_FOLDER}/{file}" for option, file in _OPTIONS.items())
    yield "Put it on the server:"
    yield f"    {_to_server(bundle.folder, name)}"
    yield "Start the server there with:"
    yield f"    twistd distccd {' '.join(options)} --allow-user '*'"
    yield "(or --allow-user NAME, once for each user whom it is to serve; without root there, keep the"
    yield "files in a folder of your own, and name that),"
    yield "and write it into the hosts of each user as:"
    yield f"    {_bracketed(name)},tls"


def _user_steps(bundle: Bundle) -> Iterator[str]:
    files = f"{shlex.quote(os.fspath(bundle.folder))}/*.pem"
    yield "Put it where the user compiles, if that is this machine and account:"
    yield f"    mkdir -p -m 700 {USER_FOLDER} && cp {files} {USER_FOLDER}/"
    yield "and if not:"
    yield (
        f"    ssh USER@MACHINE mkdir -p -m 700 .distcc/tls && scp -p {files} USER@MACHINE:.distcc/tls/"
    )


def _list_steps(authority: Authority) -> Iterator[str]:
    issued = authority.overview().issued
    servers = sorted(
        {each.name for each in issued if each.role is Role.SERVER and each.state.is_accepted}
    )
    path = shlex.quote(os.fspath(authority.folder / REVOKED))
    yield "Each server uses its old list until it has the new one:"
    for name in servers or ["HOST"]:
        yield f"    scp {path} {shlex.quote(f'root@{_bracketed(name)}:{SERVER_FOLDER}/{REVOKED}')}"
    yield f"Users read theirs from {USER_FOLDER}/{REVOKED}; it tells them of servers that are revoked."


def _to_server(folder: Path, name: str) -> str:
    target = shlex.quote(f"root@{name}")
    copy_to = shlex.quote(f"root@{_bracketed(name)}:{SERVER_FOLDER}/")
    files = f"{shlex.quote(os.fspath(folder))}/*.pem"
    return f"ssh {target} mkdir -p {SERVER_FOLDER} && scp -p {files} {copy_to}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _command(folder: Path) -> str:
    return f"twisted-distcc certs --authority {shlex.quote(os.fspath(folder))}"
