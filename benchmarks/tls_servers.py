"""Our server with a plain port and one for mutual TLS, and the certificates of both ends.

What enters: a workbench, and where the server runs.
What leaves: the server, and the folder of a user's certificate.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.servers import HERE, Place, Server, free_port, our_distccd, our_program
from benchmarks.workbench import Workbench


@dataclass(frozen=True, slots=True)
class Farm:
    """A server with both ports, and the folder of a user's certificate."""

    server: Server
    tls_port: int
    user: Path


@contextmanager
def tls_farm(
    bench: Workbench, path: str, certificates: Path, *options: str, place: Place = HERE
) -> Iterator[Farm]:
    """Run our server with both ports."""
    port, shown = free_port(), certificates / "servers" / place.address
    files = [f"--tls-{name}={shown / name}.pem" for name in ("certificate", "key", "ca", "crl")]
    options = (f"--tls-port={port}", *files, "--allow-user=*", *options)
    with our_distccd(bench, path, *options, place=place) as server:
        yield Farm(server, port, certificates / "users" / "bench")


def certificates_of(bench: Workbench, place: Place = HERE) -> Path:
    """Make an authority, and a server's and a user's certificates, the first time; give its folder."""
    farm = bench.private_folder(f"authority-{place.address}")
    folder = farm / "authority"
    if folder.exists():
        return folder
    for words in (
        ["init", "--permit", f"{place.address}/32"],
        ["server", place.address],
        ["user", "bench"],
    ):
        command = [our_program("twisted-distcc"), "certs", "--authority", str(folder), *words]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder
