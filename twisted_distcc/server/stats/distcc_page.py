"""The page of statistics that C distccd serves with `--stats`: one line of text for each key.

Programs read it, so keys, order and forms are as those of distcc 3.4 are seen to be::

    argv /distccd
    <distccstats>
    dcc_tcp_accept 4
    ...
    dcc_free_space 63469 MB
    </distccstats>
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

_MIB: Final = 1024 * 1024
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class DistccFigures:
    """The figures of the page, in its order.

    Attributes:
        tcp_accept: connections.
        rej_bad_req: requests that were refused, or broke the protocol.
        rej_overload: connections that were refused because there were too many.
        compile_ok, compile_error, compile_timeout: compiles by their end.
        cli_disconnect: jobs whose client went.
        other: jobs that failed here.
        longest_job, longest_job_compiler, longest_job_seconds: the slowest compile, if there was any.
        max_kids: how many compilers may run at once.
        avg_kids: how many ran, on average over 1, 5 and 15 minutes.
        current_load: processes that can run now.
        loads: the load average over 1, 5 and 15 minutes.
        num_compiles: compiles in the last 1, 5 and 15 minutes.
        num_procstate_d: processes that wait for a disk.
        max_rss, max_rss_name: the largest process of the machine, in KiB.
        io_rate: sectors read and written per second since the page was last asked for; -1 at first.
        free_space: bytes that may be written to the folder for temporary files.
    """

    tcp_accept: int
    rej_bad_req: int
    rej_overload: int
    compile_ok: int
    compile_error: int
    compile_timeout: int
    cli_disconnect: int
    other: int
    longest_job: str | None
    longest_job_compiler: str | None
    longest_job_seconds: float | None
    max_kids: int
    avg_kids: tuple[float, float, float]
    current_load: int
    loads: tuple[float, float, float]
    num_compiles: tuple[int, int, int]
    num_procstate_d: int
    max_rss: int
    max_rss_name: str
    io_rate: int
    free_space: int


def distcc_page(figures: DistccFigures) -> str:
    """Return the page."""
    lines = (f"dcc_{key} {value}\n" for key, value in _pairs(figures))
    return "".join(("argv /distccd\n<distccstats>\n", *lines, "</distccstats>\n"))


def _pairs(figures: DistccFigures) -> Iterator[tuple[str, object]]:
    yield "tcp_accept", figures.tcp_accept
    yield "rej_bad_req", figures.rej_bad_req
    yield "rej_overload", figures.rej_overload
    yield "compile_ok", figures.compile_ok
    yield "compile_error", figures.compile_error
    yield "compile_timeout", figures.compile_timeout
    yield "cli_disconnect", figures.cli_disconnect
    yield "other", figures.other
    yield "longest_job", _word(figures.longest_job)
    yield "longest_job_compiler", _word(figures.longest_job_compiler)
    seconds = figures.longest_job_seconds
    yield "longest_job_time_msecs", -1 if seconds is None else int(1000 * seconds)
    yield "max_kids", figures.max_kids
    yield from _numbered("avg_kids", map(int, figures.avg_kids))
    yield "current_load", figures.current_load
    yield from _numbered("load", (f"{load:.2f}" for load in figures.loads))
    yield from _numbered("num_compiles", figures.num_compiles)
    yield "num_procstate_D", figures.num_procstate_d
    yield "max_RSS", figures.max_rss
    yield "max_RSS_name", f"({_word(figures.max_rss_name)})"
    yield "io_rate", figures.io_rate
    yield "free_space", f"{figures.free_space // _MIB} MB"


def _numbered(key: str, values: Iterable[object]) -> Iterator[tuple[str, object]]:
    for number, value in enumerate(values, 1):
        yield f"{key}{number}", value


def _word(text: str | None) -> str:
    """Return a name that a client chose such that it can neither end a line nor begin a tag."""
    if not text:
        return "none"
    shown = (one if one.isprintable() and one not in "<>" else "?" for one in text[:_LONGEST])
    return "".join(shown)
