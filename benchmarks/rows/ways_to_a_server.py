"""Row k: one build over plain TCP, mutual TLS and ssh, by tdistcc and by C distcc, in turns."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from benchmarks.clients import Client, c_client, our_client
from benchmarks.figures import Budget, Comparison, Figure, at_most
from benchmarks.rows.tls_cost import built, certificates_of, tls_farm
from benchmarks.servers import LOOPBACK, c_distccd, our_program, program
from benchmarks.sshd import sshd
from benchmarks.workbench import Workbench

_PROJECTS = ("redis", "yaml-cpp")
_QUICK_PROJECTS = ("lua5.4",)
_LIMIT = "/8"
_COMPARED: tuple[tuple[str, str, Budget | None], ...] = (
    ("TLS", "TCP", at_most(1.03)),
    ("ssh", "TCP", at_most(1.05)),
    ("TCP", "C over TCP", at_most(1.0)),
    ("TLS", "C over TCP", None),
    ("ssh", "C over TCP", None),
    ("ssh", "C over ssh", None),
    ("C over ssh", "C over TCP", None),
)


def run(bench: Workbench) -> Iterator[Figure]:
    with ExitStack() as stack:
        clients = _clients(bench, stack)
        for project in _QUICK_PROJECTS if bench.quick else _PROJECTS:
            yield from _project(bench, project, clients)


def _clients(bench: Workbench, stack: ExitStack) -> Mapping[str, Client]:
    """Start the servers, ours with its sandbox, and give a client for each way."""
    enter = stack.enter_context
    certificates = certificates_of(bench)
    farm = enter(tls_farm(bench, bench.real_path, certificates, "--sandbox=require"))
    c_server = enter(c_distccd(bench, bench.real_path))
    ssh = str(enter(sshd(bench)))
    stdio, distccd = our_program("twistd-stdio"), program("distccd")
    tcp = enter(our_client(bench, f"{LOOPBACK}:{farm.server.port}{_LIMIT}", "way-tcp"))
    tls = enter(our_client(bench, f"{LOOPBACK}:{farm.tls_port}{_LIMIT},tls", "way-tls"))
    shutil.copytree(farm.user, Path(tls.environment["DISTCC_DIR"]) / "tls")
    by_ssh = enter(our_client(bench, f"@{LOOPBACK}{_LIMIT}:{stdio}", "way-ssh"))
    c_by_ssh = c_client(bench, f"@{LOOPBACK}{_LIMIT}:{distccd}", "way-c-ssh")
    return {
        "TCP": tcp,
        "TLS": tls,
        "ssh": by_ssh.wishing(DISTCC_SSH=ssh),
        "C over TCP": c_client(bench, f"{LOOPBACK}:{c_server.port}{_LIMIT}", "way-c-tcp"),
        "C over ssh": c_by_ssh.wishing(DISTCC_SSH=ssh),
    }


def _project(bench: Workbench, project: str, clients: Mapping[str, Client]) -> Iterator[Figure]:
    samples: dict[str, list[float]] = {way: [] for way in clients}
    for _ in range(bench.rounds):
        for way, client in clients.items():
            samples[way].append(built(bench, project, client))
    for ours, theirs, budget in _COMPARED:
        label = f"{project}, make -j8, {ours} against {theirs}: wall"
        yield Comparison(label, "s", tuple(samples[ours]), tuple(samples[theirs]), budget)
