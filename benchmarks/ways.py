"""The ways to a server: by our client over TCP, TLS and ssh, and by C distcc over TCP and ssh.

What enters: a workbench, and where the servers run.
What leaves: a client for each way, by its name.  Ours are served by our server with its sandbox.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.clients import Client, c_client, our_client
from benchmarks.servers import HERE, Place, c_distccd, our_program, program
from benchmarks.sshd import sshd
from benchmarks.tls_servers import certificates_of, tls_farm
from benchmarks.workbench import Workbench

_LIMIT = "/8"


@contextmanager
def ways(bench: Workbench, client: Place = HERE, server: Place = HERE) -> Iterator[Mapping[str, Client]]:
    """Start the servers, and give a client for each way; `client` is where all of them run."""
    address = server.address
    with ExitStack() as stack:
        enter = stack.enter_context
        certificates = certificates_of(bench, server)
        farm = enter(tls_farm(bench, bench.real_path, certificates, "--sandbox=require", place=server))
        c_server = enter(c_distccd(bench, bench.real_path, server))
        ssh = str(enter(sshd(bench, server)))
        stdio, distccd = our_program("twistd-stdio"), program("distccd")
        tcp = enter(our_client(bench, f"{address}:{farm.server.port}{_LIMIT}", "way-tcp"))
        tls = enter(our_client(bench, f"{address}:{farm.tls_port}{_LIMIT},tls", "way-tls"))
        shutil.copytree(farm.user, Path(tls.environment["DISTCC_DIR"]) / "tls", dirs_exist_ok=True)
        by_ssh = enter(our_client(bench, f"@{address}{_LIMIT}:{stdio}", "way-ssh"))
        c_by_ssh = c_client(bench, f"@{address}{_LIMIT}:{distccd}", "way-c-ssh")
        c_host = f"{address}:{c_server.port}{_LIMIT}"
        found = {
            "TCP": tcp,
            "TLS": tls,
            "ssh": by_ssh.wishing(DISTCC_SSH=ssh),
            "C over TCP": c_client(bench, c_host, "way-c-tcp"),
            "C over TCP, lzo": c_client(bench, f"{c_host},lzo", "way-c-lzo"),
            "C over ssh": c_by_ssh.wishing(DISTCC_SSH=ssh),
        }
        yield {name: way.at(client) for name, way in found.items()}
