"""What a server has announced: it tells its announcer by one line of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """What to announce.

    Attributes:
        plain: the addresses and ports for plain TCP.
        tls: those for clients with certificates.
        jobs: how many jobs run at once.
        compilers: the paths of compilers, by name.
        environ: the compilers' environment.
        certificate_names: the names in the server's certificate.
        certificate_addresses: the addresses in it.
    """

    plain: tuple[tuple[str, int], ...]
    tls: tuple[tuple[str, int], ...]
    jobs: int
    compilers: Mapping[str, str]
    environ: Mapping[str, str]
    certificate_names: tuple[str, ...] = ()
    certificate_addresses: tuple[str, ...] = ()

    def to_json(self) -> bytes:
        """Return it as a line for the announcer."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_json(cls, text: bytes) -> Plan:
        """Parse what `to_json` returns."""
        told = json.loads(text)
        for name in ("plain", "tls"):
            told[name] = tuple((address, port) for address, port in told[name])
        return cls(**told)
