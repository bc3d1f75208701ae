"""A real project, built by `make -j8` through one client."""

import shutil
from dataclasses import dataclass

from benchmarks.clients import Client
from benchmarks.projects import build, objects
from benchmarks.workbench import Workbench

JOBS = 8


@dataclass(frozen=True, slots=True)
class Built:
    """How long a build took, and how many objects it made."""

    seconds: float
    objects: int


def built(bench: Workbench, project: str, client: Client) -> Built:
    """Build the project `project` through `client`; nothing is left of it."""
    directory = bench.folder / project
    cc, cxx = f"{client.command} gcc", f"{client.command} g++"
    environment, enter = dict(client.environment), client.enter
    try:
        made = build(project, directory, cc=cc, cxx=cxx, jobs=JOBS, env=environment, enter=enter)
        return Built(made.seconds, len(objects(directory)))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
