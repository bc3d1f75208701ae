"""Row q: one build by a Remote Execution engine, by our own server and by C distcc, cold and warm.

The compile commands of a real build run again under `make -j8`, over a link without delay that counts
bytes.  Engine and server are cold when they have just been started, and so have the agents.
"""

import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.buildbox import engine
from benchmarks.clients import Client, c_client, our_client
from benchmarks.figures import Budget, Comparison, Figure, Reading, Remark, at_most
from benchmarks.network import Link, Terms, link
from benchmarks.projects import objects
from benchmarks.recording import makefile, record
from benchmarks.repeating import floor, repeat
from benchmarks.servers import Server, c_distccd, our_distccd
from benchmarks.workbench import Workbench

_TERMS = Terms("a link without delay", "10.99.4")
_PROJECTS = ("redis", "yaml-cpp")
_QUICK_PROJECTS = ("lua5.4",)
_SLOTS = 8
_LOCAL, _C, _ENGINE, _OURS = "local", "C", "engine", "our server"
_COLD, _WARM, _NEW = "cold", "warm", "warm, new agent"
_COMPARED: tuple[tuple[str, str, Budget | None], ...] = (
    (f"{_ENGINE}, {_WARM}", _LOCAL, at_most(0.1)),
    (f"{_ENGINE}, {_NEW}", _LOCAL, None),
    (f"{_ENGINE}, {_COLD}", f"{_OURS}, {_COLD}", None),
    (f"{_ENGINE}, {_WARM}", f"{_OURS}, {_WARM}", None),
    (f"{_ENGINE}, {_COLD}", _C, None),
    (f"{_OURS}, {_COLD}", _C, None),
    (f"{_OURS}, {_WARM}", _C, None),
)


@dataclass(frozen=True, slots=True)
class _Sample:
    """One build: seconds; CPU of the client (ms) and bytes on the link (kB) for each unit; objects."""

    seconds: float
    cpu: float
    kilobytes: float
    objects: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class _Work:
    """The units of a project, by a makefile, and where they are compiled."""

    made: Link
    rules: Path
    count: int

    def done(self, client: Client) -> _Sample:
        before = self.made.carried()
        taken = repeat(client, self.rules)
        carried = self.made.carried() - before
        cpu = 1000 * (taken.cpu - floor(client, self.rules)) / self.count
        left = objects(self.rules.parent)
        return _Sample(taken.seconds, cpu, carried / 1000 / self.count, left)


def run(bench: Workbench) -> Iterator[Figure]:
    with link(bench, _TERMS) as made, c_distccd(bench, bench.real_path, made.server) as server:
        theirs = c_client(bench, _host(made, server), "engine-c").at(made.client)
        for project in _QUICK_PROJECTS if bench.quick else _PROJECTS:
            yield from _project(bench, project, made, theirs)


def _project(bench: Workbench, project: str, made: Link, theirs: Client) -> Iterator[Figure]:
    directory = bench.open_folder / f"{project}-engine"
    compilations = record(project, directory, debug=True)
    rules = directory / "again.mk"
    rules.write_text(makefile(compilations))
    work = _Work(made, rules, len(compilations))
    samples: dict[str, list[_Sample]] = defaultdict(list)
    for _ in range(bench.rounds):
        for way, sample in _round(bench, work, theirs):
            samples[way].append(sample)
    shutil.rmtree(directory)
    yield from _figures(f"{project}, {work.count} units", samples)


def _round(bench: Workbench, work: _Work, theirs: Client) -> Iterator[tuple[str, _Sample]]:
    """Start a new engine, server, and agents; compile by each way in turn."""
    with ExitStack() as stack:
        enter, far = stack.enter_context, work.made.server
        server = enter(our_distccd(bench, bench.real_path, "--sandbox=require", place=far))
        hosts = {
            _ENGINE: f"grpc://{_host(work.made, enter(engine(bench, far)))}",
            _OURS: _host(work.made, server),
        }
        ours = {
            side: enter(our_client(bench, host, side)).at(work.made.client)
            for side, host in hosts.items()
        }
        yield _LOCAL, work.done(Client("", theirs.environment))
        for state in (_COLD, _WARM):
            for side, client in ours.items():
                yield f"{side}, {state}", work.done(client)
        ours[_ENGINE].end_agents()
        yield f"{_ENGINE}, {_NEW}", work.done(ours[_ENGINE])
        yield _C, work.done(theirs)


def _host(made: Link, server: Server) -> str:
    return f"{made.server.address}:{server.port}/{_SLOTS}"


def _figures(label: str, samples: Mapping[str, Sequence[_Sample]]) -> Iterator[Figure]:
    for ours, theirs, budget in _COMPARED:
        pair = _seconds(samples[ours]), _seconds(samples[theirs])
        yield Comparison(f"{label}, {ours} against {theirs}: wall", "s", *pair, budget)
    for way, taken in samples.items():
        yield Reading(f"{label}, {way}: client CPU per unit", "ms", tuple(one.cpu for one in taken))
    for way, taken in samples.items():
        if way != _LOCAL:
            kilobytes = tuple(one.kilobytes for one in taken)
            yield Reading(f"{label}, {way}: bytes per unit", "kB", kilobytes)
    yield _differences(label, samples)


def _differences(label: str, samples: Mapping[str, Sequence[_Sample]]) -> Remark:
    """Say how many objects differ from those of the local build just before them."""
    local = [one.objects for one in samples[_LOCAL]]
    found = {
        way: sum(
            made.objects[path] != before[path]
            for made, before in zip(taken, local, strict=True)
            for path in before
        )
        for way, taken in samples.items()
    }
    told = ", ".join(f"{way}: {number}" for way, number in found.items() if way != _LOCAL)
    return Remark(f"{label}: objects of {len(local)} builds that differ from local ones: {told}")


def _seconds(samples: Sequence[_Sample]) -> tuple[float, ...]:
    return tuple(sample.seconds for sample in samples)
