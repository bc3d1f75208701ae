"""Row h: a server on standard streams, from its start to its first reply, and to its end.

Each sample starts a server on two pipes, as ssh does, with a small request already in its input, and
takes the time to the first bytes of the reply, and to the server's exit.  The compiler is the null
compiler.  Ours is `twistd-stdio` without and with the sandbox, theirs `distccd --inetd`, which has none.
"""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.figures import Comparison, Figure, Reading, at_most
from benchmarks.loading import LoadFailedError
from benchmarks.servers import our_program, program
from benchmarks.workbench import Workbench
from twisted_distcc.content.body import Body
from twisted_distcc.jobs.assembly import request_pieces
from twisted_distcc.jobs.model import Request
from twisted_distcc.wire.connection import Connection

_STARTS = 20
_QUICK_STARTS = 10
_WORDS = (b"gcc", b"-c", b"tiny.c", b"-o", b"tiny.o")
_TEXT = b"int tiny(void) { return 0; }\n"
_SUCCESS = b"DONE00000001STAT00000000"


@dataclass(frozen=True, slots=True)
class Start:
    """Milliseconds from a server's start."""

    reply: float
    exit: float


def run(bench: Workbench) -> Iterator[Figure]:
    ours = [our_program("twistd-stdio"), "--nice=0"]
    commands = (
        [*ours, "--sandbox=off"],
        [*ours, "--sandbox=require"],
        [program("distccd"), "--inetd", "--nice=0", "--log-file=/dev/null", *_account()],
    )
    for command in commands:
        _start(bench, command)
    count = (_QUICK_STARTS if bench.quick else _STARTS) * bench.rounds
    samples = [[_start(bench, command) for command in commands] for _ in range(count)]
    yield from _figures(*zip(*samples, strict=True))


def _figures(
    bare: Sequence[Start], confined: Sequence[Start], theirs: Sequence[Start]
) -> Iterator[Figure]:
    replies, exits = tuple(one.reply for one in theirs), tuple(one.exit for one in theirs)
    yield Reading("start to first reply", "ms", tuple(one.reply for one in bare), at_most(100))
    yield Reading("in the sandbox", "ms", tuple(one.reply for one in confined), at_most(100))
    yield Comparison("start to first reply", "ms", tuple(one.reply for one in bare), replies)
    yield Comparison("start to exit", "ms", tuple(one.exit for one in bare), exits)


def _account() -> list[str]:
    return ["--user", "nobody"] if os.geteuid() == 0 else []


def _start(bench: Workbench, command: Sequence[str]) -> Start:
    environ = os.environ | {"DISTCCD_PATH": bench.null_path, "TMPDIR": str(bench.open_folder)}
    request = Request(_WORDS, Body.of(_TEXT), 1)
    began = time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ,
        cwd="/",
    ) as server:  # fmt: skip
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stderr is not None
        server.stdin.write(b"".join(request_pieces(Connection.client().writer, request)))
        server.stdin.flush()
        head = server.stdout.read(len(_SUCCESS))
        replied = time.perf_counter()
        server.stdout.read()
        server.wait()
        ended = time.perf_counter()
        if head != _SUCCESS:
            raise LoadFailedError(f"{command} answered {head!r}, and said {server.stderr.read()!r}")
    return Start(1000 * (replied - began), 1000 * (ended - began))
