"""The two clients, in environments alike: Debian's distcc and this project's tdistcc.

What enters: a workbench and the server that both are to use.
What leaves: each client's command and environment, and the CPU time of what it left running: our
agent, or an include server.
What it refuses to know: what is compiled.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.processes import cpu_seconds, marked, writing_to
from benchmarks.servers import LOOPBACK, Place, Server, our_program, program
from benchmarks.workbench import RowUnavailableError, Workbench

_MARK = "TWISTED_DISTCC_BENCH"


@dataclass(frozen=True, slots=True)
class Client:
    """One side's client.

    Attributes:
        command: what stands before the compiler's name.
        environment: of all its processes.
        enter: what stands before a command that is to run where the client does.
    """

    command: str
    environment: Mapping[str, str]
    enter: tuple[str, ...] = ()

    def agents(self) -> list[int]:
        """Return the processes that this client left running for the next compile."""
        log = Path(self.environment["XDG_RUNTIME_DIR"], "twisted-distcc", "log")
        return [*marked(_MARK, self.environment[_MARK]), *writing_to(log)]

    def agents_cpu(self) -> float:
        """Return the seconds of CPU that those processes have used so far."""
        return sum(map(cpu_seconds, self.agents()))

    def end_agents(self) -> None:
        """End them, so that the next compile starts one."""
        for pid in self.agents():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        while self.agents():
            time.sleep(0.05)

    def at(self, place: Place) -> "Client":
        """Return the same client in another network."""
        return replace(self, enter=place.enter)

    def wishing(self, **wishes: str) -> "Client":
        """Return the same client with `wishes` in its environment."""
        return replace(self, environment={**self.environment, **wishes})


@contextmanager
def both_clients(bench: Workbench, server: Server) -> Iterator[tuple[Client, Client]]:
    """Give our client and C's, both for `server` alone; end the agent that ours has started."""
    hosts = f"{LOOPBACK}:{server.port}/8"
    with our_client(bench, hosts, "ours") as ours:
        yield ours, c_client(bench, hosts, "c")


def c_client(bench: Workbench, hosts: str, side: str) -> Client:
    """Return Debian's distcc for `hosts`, in folders of `side`'s own."""
    return Client(program("distcc"), _environment(bench, hosts, side))


@contextmanager
def c_pump_client(bench: Workbench, hosts: str, side: str) -> Iterator[Client]:
    """Give Debian's distcc in pump mode, with our include server: its own does not start."""
    client = c_client(bench, hosts, side)
    told = bench.folder / f"pump-{side}"
    words = [our_program("twisted-distcc"), "pump", "sh", "-c", f"env -0 > {told} && echo && cat"]
    with subprocess.Popen(
        words, env=dict(client.environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as pump:
        assert pump.stdout is not None
        if not pump.stdout.readline():
            raise RowUnavailableError(f"{' '.join(words)} does not start")
        variables = (variable.partition("=") for variable in told.read_text().split("\0"))
        yield client.wishing(**{name: value for name, _, value in variables if name})


@contextmanager
def our_client(bench: Workbench, hosts: str, side: str) -> Iterator[Client]:
    """Give our client for `hosts`, in folders of `side`'s own; end the agent that it has started."""
    client = Client(our_program("tdistcc"), _environment(bench, hosts, side))
    try:
        yield client
    finally:
        client.end_agents()


def _environment(bench: Workbench, hosts: str, side: str) -> dict[str, str]:
    return os.environ | {
        "DISTCC_HOSTS": hosts,
        "DISTCC_FALLBACK": "0",
        "DISTCC_TRUST_NAMES": "1",  # servers may have the null compiler by every name
        "DISTCC_DIR": str(bench.private_folder(f"distcc-{side}")),
        "XDG_RUNTIME_DIR": str(bench.private_folder(f"run-{side}")),
        _MARK: f"{side}-{bench.folder.name}-{hosts}",
    }
