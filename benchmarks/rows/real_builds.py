"""Row b: real projects built by Debian's distcc, through our server and through C distccd."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.figures import Budget, Comparison, Figure, Remark, at_most, in_turns
from benchmarks.projects import build, objects
from benchmarks.servers import LOOPBACK, Server, c_distccd, our_distccd
from benchmarks.workbench import Workbench

_PROJECTS = ("redis", "yaml-cpp")
_QUICK_PROJECTS = ("lua5.4", "yaml-cpp")
_JOBS = 8


@dataclass(frozen=True, slots=True)
class _Sample:
    seconds: float
    objects: dict[str, bytes]


def run(bench: Workbench) -> Iterator[Figure]:
    with our_distccd(bench, bench.real_path) as ours, c_distccd(bench, bench.real_path) as theirs:
        for name in _QUICK_PROJECTS if bench.quick else _PROJECTS:
            yield from compare_builds(bench, ours, theirs, name, at_most(1.03))


def compare_builds(
    bench: Workbench, ours: Server, theirs: Server, name: str, budget: Budget
) -> Iterator[Figure]:
    """Build the project `name` by Debian's distcc through the one server and through the other."""
    pairs = in_turns(
        bench.rounds, lambda: _sample(bench, ours, name), lambda: _sample(bench, theirs, name)
    )
    yield Comparison(
        f"{name}, make -j{_JOBS}: wall",
        "s",
        tuple(a.seconds for a, _ in pairs),
        tuple(b.seconds for _, b in pairs),
        budget,
    )
    a, b = pairs[-1]
    different = sum(a.objects[path] != b.objects.get(path) for path in a.objects)
    yield Remark(f"{name}: {len(a.objects)} objects, {different} differ between the two servers")


def _sample(bench: Workbench, server: Server, name: str) -> _Sample:
    directory = bench.folder / name
    environment = {
        "DISTCC_HOSTS": f"{LOOPBACK}:{server.port}/{_JOBS}",
        "DISTCC_FALLBACK": "0",
        "DISTCC_DIR": str(bench.private_folder("distcc")),
    }
    try:
        done = build(name, directory, cc="distcc gcc", cxx="distcc g++", jobs=_JOBS, env=environment)
        return _Sample(done.seconds, objects(directory))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
