"""A Remote Execution engine, BuildBox's, which knows nothing yet.

What enters: a workbench, and where the engine runs.
What leaves: a running engine; when its `with` block ends, it is stopped, and what it has stored is gone.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.servers import Place, Server, free_port, our_program, started
from benchmarks.workbench import RowUnavailableError, Workbench

_HOW = f"`tools/buildbox {Path(sys.executable).parent}` brings it"


@contextmanager
def engine(bench: Workbench, place: Place) -> Iterator[Server]:
    """Run an engine that compiles as many units at once as servers do."""
    port = free_port()
    log = bench.open_folder / f"engine-{port}.log"
    store = Path(tempfile.mkdtemp(prefix="engine-", dir=bench.folder))
    casd, runner = _programs()
    options = (f"--buildbox-run={runner}", f"--jobs={bench.jobs}", f"--bind={place.address}:{port}")
    try:
        with started([*place.enter, casd, *options, str(store)], port, log) as pid:
            yield Server(pid, port, log)
    finally:
        shutil.rmtree(store, ignore_errors=True)


def _programs() -> tuple[str, str]:
    if os.geteuid():
        raise RowUnavailableError("only root's engine can run actions")
    try:
        return our_program("buildbox-casd"), our_program("buildbox-run")
    except RowUnavailableError as error:
        raise RowUnavailableError(f"{error}: {_HOW}") from None
