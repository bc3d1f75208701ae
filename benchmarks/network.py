"""Two network namespaces, and a link between them that is slow, or far, or loses packets.

What enters: the terms of the link.
What leaves: a place at each end, which says how to start programs there, and what the link has carried.
All of it vanishes when the `with` block ends.

The kernel's own `netem` is not everywhere.  `native/link.c` needs /dev/net/tun, and root.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO

from benchmarks.servers import Place
from benchmarks.workbench import RowUnavailableError, Workbench

# What most systems use.  A kernel may not allow it in a namespace; over a short link with loss the other
# one is as slow.
_CONGESTION_CONTROLS = ("cubic", "reno")
_SEED = 20


@dataclass(frozen=True, slots=True)
class Terms:
    """What a link does, in each direction.

    Attributes:
        name: how it is called in a figure.
        network: the addresses of its ends begin so.
        delay: milliseconds.
        loss: percent of the packets.
        rate: megabits a second; 0 is as fast as it can be.
        queue: kilobytes that wait for their turn at that rate, at most.
    """

    name: str
    network: str
    delay: float = 0.0
    loss: float = 0.0
    rate: float = 0.0
    queue: int = 128


@dataclass(frozen=True, slots=True)
class Link:
    """A link that carries packets.

    Attributes:
        client, server: its ends.
    """

    client: Place
    server: Place
    _process: "subprocess.Popen[str]" = field(repr=False)

    def carried(self) -> int:
        """Return the bytes of all packets so far, lost ones as well, both ways together."""
        self._process.send_signal(signal.SIGUSR1)
        return sum(int(_line(self._process).split()[1]) for _ in range(2))


@contextmanager
def link(bench: Workbench, terms: Terms) -> Iterator[Link]:
    """Make a link of these terms."""
    if os.geteuid():
        raise RowUnavailableError("network namespaces need root")
    words = (terms.delay, terms.loss, terms.rate, terms.queue, _SEED)
    command = [str(bench.link), *map(str, words)]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield _between(process, terms.network)
        finally:
            process.kill()


def _between(process: "subprocess.Popen[str]", network: str) -> Link:
    namespaces = [f"--net=/proc/{process.pid}/fd/{one}" for one in _line(process).split()]
    if not namespaces:
        raise RowUnavailableError("a link needs /dev/net/tun, and the right to make namespaces")
    client, server = (("nsenter", one, "--") for one in namespaces)
    here, there = f"{network}.1", f"{network}.2"
    _configure(client, here)
    _configure(server, there)
    return Link(Place(here, there, client), Place(there, here, server), process)


def _configure(enter: tuple[str, ...], address: str) -> None:
    for words in (
        ("ip", "link", "set", "dev", "lo", "up"),
        ("ip", "address", "add", f"{address}/24", "dev", "link"),
        ("ip", "link", "set", "dev", "link", "up"),
    ):
        subprocess.run([*enter, *words], check=True)
    wished = (f"net.ipv4.tcp_congestion_control={one}" for one in _CONGESTION_CONTROLS)
    any(_succeeds([*enter, "sysctl", "-qw", one]) for one in wished)


def _succeeds(command: list[str]) -> bool:
    return not subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode


def _line(process: "subprocess.Popen[str]") -> str:
    stdout: IO[str] | None = process.stdout
    assert stdout is not None
    return stdout.readline()
