"""Floods that one client sends, and how long an honest job of another takes beside them.

In: nothing.  Out: a table, a row for each flood: the median time of an honest job before the flood and
beside it, in milliseconds, and what the one is of the other.  Each flood keeps its connections busy: one
that the server has closed is made anew, so it is as fast as the server and this machine let it be::

    python -m tests.hostile.floods              # all of them
    python -m tests.hostile.floods -Wa, tiny    # those whose names have one of these words

The machine's own noise is in both times, and an attacker needs a processor, too, though he is as nice
as can be: the first row shows what that alone makes of an honest job here, and the second what it is to
share the server's places.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.server.talk import answer_of, request_bytes
from twisted_distcc.cli.installed import installed_command
from twisted_distcc.content.lzo import compress

ATTACKER: Final = "127.0.0.2"
OUTSIDER: Final = "127.0.0.3"
QUESTION: Final = ("twisted-distccd", "about", "gcc")
NOBODYS: Final = "gcc-of-nobody"
_TREE: Final = b"DIST00000003CDIR00000002/pARGC00000001ARGV00000002cc"
_JOBS: Final = 15
_PATIENCE: Final = 10


@dataclass(frozen=True, slots=True)
class Flood:
    """What is sent, on so many connections, where from, and whether an answer is waited for."""

    name: str
    connections: int
    data: bytes
    address: str = ATTACKER
    waits: bool = True


def packed(body: bytes) -> bytes:
    """Return a request of version 2, for a compiler that there is not, with this body."""
    head, _, _ = request_bytes((NOBODYS, "-c", "x.c"), version=2).partition(b"DOTI")
    return head + b"DOTI%08x" % len(body) + body


def bursting(zeros: int) -> bytes:
    """Return a body that becomes 255 times as long."""
    return b"\x12 \x20" + bytes(zeros) + b"\x01\x00\x00\x11\x00\x00"


def entries(count: int) -> bytes:
    """Return a tree of so many links, in the smallest of tokens; it is never whole."""
    return _TREE + b"NFIL%08x" % (count + 1) + b"NAME00000001aLINK00000001b" * count


def floods() -> list[Flood]:
    """Return all floods."""
    words = ("gcc", "-c", "x.c", "-o", "x.o")
    pieces = ",".join(["-W"] * 40_000)
    return [
        Flood("nobody, but a program that computes", 0, b""),
        Flood("jobs like the honest one, 24 connections", 24, request_bytes()),
        Flood("LZO of 48 KB that becomes 12 MB, 64 connections", 64, packed(bursting(48_000))),
        Flood("LZO of 48 KB that becomes 12 MB, 200 connections", 200, packed(bursting(48_000))),
        Flood("LZO of 2 KB that becomes 0.5 MB, 200 connections", 200, packed(bursting(1_900))),
        Flood("LZO of plain text, 200 connections", 200, packed(compress(b"int x;\n" * 2000))),
        Flood(
            "-Wa, of 600,000 pieces, 24 connections", 24,
            request_bytes((*words, *[f"-Wa,{pieces}"] * 15)),
        ),
        Flood("9,990 words, 24 connections", 24, request_bytes((*words, *["-Wall"] * 9_985))),
        Flood(
            "9,990 words, and hangs up, 24 connections", 24,
            request_bytes((*words, *["-Wall"] * 9_985)), waits=False,
        ),
        Flood("450 words, 200 connections", 200, request_bytes((NOBODYS, *words, *["-Wall"] * 440))),
        Flood("tiny tokens, 200 connections", 200, entries(80_000)),
        Flood("tiny tokens of an outsider, 64 connections", 64, entries(80_000), OUTSIDER),
        Flood("tiny jobs that are refused, 200 connections", 200, request_bytes((NOBODYS, "-c", "x.c"))),
        Flood("questions, 200 connections", 200, request_bytes(QUESTION, b"")),
        Flood("a broken request and a megabyte, 64 connections", 64, b"DIST00000001" * 90_000),
    ]  # fmt: skip


async def _send(flood: Flood, port: int) -> None:
    """Send on one connection after the other."""
    while True:
        with suppress(OSError):
            local = (flood.address, 0)
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=local)
            try:
                writer.write(flood.data)
                await writer.drain()
                if flood.waits:
                    await asyncio.wait_for(reader.read(), 5)
            except TimeoutError:
                pass
            finally:
                if flood.waits:
                    writer.transport.abort()
                else:
                    writer.close()  # what was sent arrives


async def _flood(flood: Flood, port: int) -> None:
    while not flood.connections:
        pass
    await asyncio.gather(*(_send(flood, port) for _ in range(flood.connections)))


@contextmanager
def _going(flood: Flood, port: int) -> Iterator[None]:
    """Have a process of its own send `flood`."""
    pid = os.fork()
    if not pid:
        try:
            os.nice(19)  # on another machine it would take nothing from the compilers here
            asyncio.run(_flood(flood, port))
        finally:
            os._exit(0)
    try:
        time.sleep(1.5)
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        time.sleep(0.5)


def _honest(port: int) -> float:
    """Have one job done, and return the milliseconds that it took."""
    begun = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), 600) as connection:
        connection.sendall(request_bytes())
        reply = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer_of(reply).exit_code == 0
    return (time.perf_counter() - begun) * 1000


def _jobs(port: int, count: int) -> list[float]:
    """Have so many jobs done, or as many as some seconds are enough for."""
    until = time.monotonic() + _PATIENCE
    taken = [_honest(port)]
    while len(taken) < count and time.monotonic() < until:
        taken.append(_honest(port))
    return taken


@contextmanager
def _server() -> Iterator[int]:
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    log = folder / "log"
    server = subprocess.Popen(
        [
            installed_command("twistd"), "--nodaemon", "--pidfile=", "distccd", "--allow=127.0.0.1",
            f"--allow={ATTACKER}", "--listen=127.0.0.1", "--port=0", "--jobs=2", "--sandbox=off",
            f"--log-file={log}",
        ],
        cwd=folder, env={**os.environ, "TMPDIR": str(folder)}, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while not (found := log.exists() and re.search(r"port (\d+)\n.*looking", log.read_text(), re.S)):
            time.sleep(0.05)
        yield int(found[1])
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def compare(flood: Flood, port: int, count: int = _JOBS) -> tuple[float, float]:
    """Return the median milliseconds of so many honest jobs, before the flood and beside it."""
    alone = _jobs(port, count)
    with _going(flood, port):
        beside = _jobs(port, count)
    return statistics.median(alone), statistics.median(beside)


def _row(flood: Flood) -> str:
    with _server() as port:
        _honest(port)
        alone, beside = compare(flood, port)
    return f"{alone:7.1f} {beside:8.1f} {beside / alone:6.1f}"


def main() -> None:
    """Measure beside the floods that the command line names, or all."""
    wanted = sys.argv[1:]
    print(f"{'':50}  alone   beside  ratio")
    for flood in floods():
        if not wanted or any(word in flood.name for word in wanted):
            print(f"{flood.name:50}{_row(flood)}", flush=True)


if __name__ == "__main__":
    main()
