"""Record what Debian's distcc and distccd 3.4 say to each other, as samples for the tests.

In: the programs `distcc`, `distccd` and `gcc` of this machine.  Out: beside this file, for each name in
`BUILDS` and `JOBS`, a `.request` and a `.reply` with the bytes of one connection, whole.  It refuses to
know what the bytes mean: nothing of this project reads or writes them on the way.

`BUILDS` are real clients before a real server, with a relay on loopback between them.  `JOBS` are
requests of version 3, which need distcc's include server; Debian's does not run, so these requests are
written here by hand and only their replies are real.

Run it as `python tests/vectors/record.py`; the tests need none of these programs, only the files.
"""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Final

from lzallright import LZOCompressor

HERE: Final = Path(__file__).parent
LOOPBACK: Final = "127.0.0.1"

GOOD: Final = "int twice(int x)\n{\n    int unused;\n    return 2 * x;\n}\n"
WRONG: Final = "int twice(int x)\n{\n    return y;\n}\n"

SENT_AS: Final = "x86_64-linux-gnu-gcc"  # what distcc makes of `gcc` before it sends it
KILLED: Final = "#!/bin/sh\nkill -SEGV $$\n"
CHATTY: Final = '#!/bin/sh\necho to stdout\necho to stderr >&2\nexec /usr/bin/gcc "$@"\n'


@dataclass(frozen=True)
class Build:
    """One file that a real client has compiled.

    Attributes:
        source: the text of `twice.c`.
        options: what follows the server's address in DISTCC_HOSTS.
        compiler: the name that the client types.
        programs: what stands before all else on the server's PATH.
    """

    source: str
    options: str = ""
    compiler: str = "gcc"
    programs: Mapping[str, str] = field(default_factory=dict)


BUILDS: Final = {
    "plain-success": Build(GOOD),
    "plain-error": Build(WRONG),
    "plain-killed": Build(GOOD, programs={SENT_AS: KILLED}),
    "plain-chatty": Build(GOOD, programs={SENT_AS: CHATTY}),
    "plain-refused": Build(GOOD, compiler="unknown-gcc"),
    "lzo-success": Build(GOOD, ",lzo"),
    "lzo-error": Build(WRONG, ",lzo"),
    "lzo-chatty": Build(GOOD, ",lzo", programs={SENT_AS: CHATTY}),
}


def _number(name: str, value: int) -> bytes:
    return f"{name}{value:08x}".encode()


def _bytes(name: str, data: bytes) -> bytes:
    return _number(name, len(data)) + data


def _job(source: str) -> bytes:
    """Give a request of version 3: one source, and a link that nothing needs."""
    words = ("gcc", "-Wall", "-c", "twice.c", "-o", "twice.o")
    return b"".join(
        [
            _number("DIST", 3),
            _bytes("CDIR", b"/project"),
            _number("ARGC", len(words)),
            *(_bytes("ARGV", word.encode()) for word in words),
            _number("NFIL", 2),
            _bytes("NAME", b"/project/twice.c"),
            _bytes("FILE", LZOCompressor().compress(source.encode())),
            _bytes("NAME", b"/project/same.c"),
            _bytes("LINK", b"twice.c"),
        ]
    )


JOBS: Final = {
    "files-success": _job(GOOD),
    "files-error": _job(WRONG),
}


def _free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as probe:
        return int(probe.getsockname()[1])


def _await_listener(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection((LOOPBACK, port)).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("distccd does not listen")


@contextmanager
def _server(programs: Mapping[str, str]) -> Iterator[int]:
    """Run a distccd that finds `programs` first; give its port."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # distccd gives root away
        for name, script in programs.items():
            Path(folder, name).write_text(script)
            Path(folder, name).chmod(0o755)
        port = _free_port()
        options = f"--allow {LOOPBACK} --listen {LOOPBACK} --port {port} --log-file /dev/null"
        process = subprocess.Popen(
            ["distccd", "--daemon", "--no-detach", *options.split()],
            env={"PATH": f"{folder}:{os.environ['PATH']}"},
            cwd=folder,
        )
        try:
            _await_listener(port)
            yield port
        finally:
            process.terminate()
            process.wait()


def _pump(source: socket.socket, target: socket.socket, kept: bytearray) -> None:
    while data := source.recv(65536):
        kept += data
        target.sendall(data)
    target.shutdown(socket.SHUT_WR)


def _relay(listener: socket.socket, port: int, request: bytearray, reply: bytearray) -> None:
    """Carry one connection to `port`, and keep what is said both ways."""
    client, _ = listener.accept()
    with client, socket.create_connection((LOOPBACK, port)) as server:
        back = Thread(target=_pump, args=(server, client, reply))
        back.start()
        _pump(client, server, request)
        back.join()


def _compile(build: Build, port: int) -> None:
    """Have distcc compile the build's source on the server at `port`."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "twice.c").write_text(build.source)
        Path(folder, build.compiler).symlink_to("/usr/bin/gcc")
        subprocess.run(
            ["distcc", build.compiler, "-Wall", "-c", "twice.c", "-o", "twice.o"],
            cwd=folder,
            env={
                "PATH": f"{folder}:{os.environ['PATH']}",
                "DISTCC_DIR": folder,
                "DISTCC_HOSTS": f"{LOOPBACK}:{port}{build.options}",
                "DISTCC_FALLBACK": "0",
                "DISTCC_SKIP_LOCAL_RETRY": "1",
            },
            check=False,
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )


def _record(build: Build) -> tuple[bytes, bytes]:
    request, reply = bytearray(), bytearray()
    with _server(build.programs) as port, socket.create_server((LOOPBACK, 0)) as listener:
        relay = Thread(target=_relay, args=(listener, port, request, reply))
        relay.start()
        _compile(build, listener.getsockname()[1])
        relay.join()
    return bytes(request), bytes(reply)


def _ask(request: bytes) -> bytes:
    with _server({}) as port, socket.create_connection((LOOPBACK, port)) as connection:
        connection.sendall(request)
        with connection.makefile("rb") as stream:
            return stream.read()


def _keep(name: str, request: bytes, reply: bytes) -> None:
    (HERE / f"{name}.request").write_bytes(request)
    (HERE / f"{name}.reply").write_bytes(reply)
    print(f"{name}: {len(request)} and {len(reply)} bytes")


def main() -> None:
    """Record every sample anew."""
    for name, build in BUILDS.items():
        _keep(name, *_record(build))
    for name, request in JOBS.items():
        _keep(name, request, _ask(request))


if __name__ == "__main__":
    main()
