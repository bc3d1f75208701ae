"""Whose toolchains a server runs.

A toolchain that comes with a job is a program of the client's own.  It runs only in the sandbox, where
it can harm nothing.  Whether it may run at all is a term of the rule that allows the job: `"any"`,
`"none"`, or the digests of those that may.  Where nothing is said, whoever has a name may bring any: a
certificate or a login, not a mere address.
"""

from __future__ import annotations

from typing import Final

from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.rules import Terms

_UNNAMED: Final = '{} is no certificate and no login, and no rule says `toolchains = "any"`'
_NAMED: Final = ("tls:", "ssh:")


def obstacle(terms: Terms, peer: Peer, digest: str) -> str | None:
    """Return why the toolchain of this `digest` may not come with a job of `peer`; `None` if it may.

    An empty digest is that of one which is not known yet.
    """
    if terms.toolchains is None:
        return None if peer.identity.startswith(_NAMED) else _UNNAMED.format(peer.identity)
    if not terms.toolchains:
        return 'its rule says `toolchains = "none"`'
    if "any" in terms.toolchains or not digest or digest in terms.toolchains:
        return None
    return f"its rule does not list {digest}"
