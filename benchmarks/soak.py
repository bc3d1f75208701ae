"""Sends thousands of jobs of some agents to one server, cuts connections, and prints what grows.

    python -m benchmarks.soak --jobs 20000

Each line has the memory (PSS, MiB) and the open descriptors of the server and of the largest agent.
Both should level off.  Jobs go through a relay, which cuts all connections in the middle of each batch.
A job that is lost so is compiled here, and none may fail.
"""

import argparse
import asyncio
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.clients import Client, our_client
from benchmarks.processes import memory
from benchmarks.servers import LOOPBACK, Server, our_distccd
from benchmarks.workbench import Workbench, workbench

_HEADERS = 20
_LINES = 1500  # of a header, some 60 kB
_CHANGED_EVERY = 10  # jobs
_SAMPLES = 20


@dataclass(slots=True)
class Relay:
    """Passes connections on to a server, and cuts all of them when it is told to."""

    server: Server
    port: int = 0
    accepted: int = 0
    cuts: int = 0
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    def cut(self) -> None:
        """Close all connections, whatever is on its way."""
        self.cuts += 1
        self._loop.call_soon_threadsafe(self._cut)

    def _cut(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def listen(self) -> None:
        """Listen on a free port."""
        listening = await asyncio.start_server(self._accept, LOOPBACK)
        self.port = listening.sockets[0].getsockname()[1]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        with suppress(OSError):
            onward = await asyncio.open_connection(LOOPBACK, self.server.port)
            await asyncio.gather(self._pass(reader, onward[1]), self._pass(onward[0], writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with suppress(OSError):
                while data := await reader.read(65536):
                    writer.write(data)
                    await writer.drain()
        finally:
            self._open.discard(writer)
            writer.close()

    @contextmanager
    def running(self) -> Iterator["Relay"]:
        """Relay in a thread."""
        with closing(self._loop):
            self._loop.run_until_complete(self.listen())
            thread = threading.Thread(target=self._loop.run_forever, daemon=True)
            thread.start()
            yield self
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()

    async def _end(self) -> None:
        passing = asyncio.all_tasks() - {asyncio.current_task()}
        for one in passing:
            one.cancel()
        await asyncio.gather(*passing, return_exceptions=True)


class Project:
    """Units of one agent's user, whose headers change now and then."""

    def __init__(self, folder: Path, client: Client) -> None:
        self._folder = folder
        self._client = client
        for number in range(_HEADERS):
            self._write_header(number)

    def _write_header(self, number: int) -> None:
        tag = random.getrandbits(64)
        lines = (f"extern int declared_{tag:x}_{line};\n" for line in range(_LINES))
        (self._folder / f"h{number}.h").write_text("".join(lines))

    def compile(self, number: int) -> None:
        """Compile a unit, and check that there is an object."""
        if number % _CHANGED_EVERY == 0:
            self._write_header(random.randrange(_HEADERS))
        includes = "".join(f'#include "h{n}.h"\n' for n in random.sample(range(_HEADERS), 4))
        unit, made = self._folder / f"u{number}.c", self._folder / f"u{number}.o"
        unit.write_text(f"{includes}int f{number}(void) {{ return {number}; }}\n")
        words = [self._client.command, "gcc", "-c", unit.name, "-o", made.name]
        environment = dict(self._client.environment)
        subprocess.run(words, cwd=self._folder, env=environment, stderr=subprocess.DEVNULL, check=True)
        made.unlink()
        unit.unlink()


def main() -> int:
    options = _options()
    with workbench(rounds=1, quick=True) as bench, ExitStack() as stack:
        path = bench.real_path if options.real else bench.null_path
        server = stack.enter_context(our_distccd(bench, path))
        relay = stack.enter_context(Relay(server).running())
        clients = [stack.enter_context(_client(bench, relay, n)) for n in range(options.agents)]
        projects = [Project(bench.private_folder(f"soak-{n}"), one) for n, one in enumerate(clients)]
        print("   jobs  served  connections   server: MiB, files   largest agent: MiB, files")
        for done in _batches(options, projects, relay):
            served = server.log.read_text().count("verdict=done version=4")
            agents = [pid for client in clients for pid in client.agents()]
            largest = max(map(_usage, agents), default=(0.0, 0))
            usage = "  ".join("{:10.1f} {:5}".format(*one) for one in (_usage(server.pid), largest))
            print(f"{done:7} {served:7} {relay.accepted:12}   {usage}", flush=True)
    return 0


@contextmanager
def _client(bench: Workbench, relay: Relay, number: int) -> Iterator[Client]:
    with our_client(bench, f"{LOOPBACK}:{relay.port}/8,lzo,cpp", f"soak{number}") as client:
        yield client.wishing(DISTCC_FALLBACK="1", DISTCC_BACKOFF_PERIOD="0")


def _batches(options: argparse.Namespace, projects: Sequence[Project], relay: Relay) -> Iterator[int]:
    """Compile in batches, with some jobs of each agent at a time; yield how many there were so far."""
    size = max(1, options.jobs // _SAMPLES)
    with ThreadPoolExecutor(2 * len(projects)) as pool:
        for start in range(0, options.jobs, size):
            numbers = range(start, min(options.jobs, start + size))
            jobs = [pool.submit(projects[n % len(projects)].compile, n) for n in numbers]
            jobs[len(jobs) // 2].add_done_callback(lambda _: relay.cut())
            for job in jobs:
                job.result()
            yield numbers[-1] + 1


def _usage(pid: int) -> tuple[float, int]:
    """Return the PSS of a process, and how many descriptors it has open."""
    return memory(pid).pss, len(os.listdir(f"/proc/{pid}/fd"))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak")
    parser.add_argument("--jobs", type=int, default=2000, help="how many (default: 2000)")
    parser.add_argument("--agents", type=int, default=4, help="how many (default: 4)")
    parser.add_argument(
        "--real", action="store_true", help="a server with real compilers, which preprocesses as well"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
