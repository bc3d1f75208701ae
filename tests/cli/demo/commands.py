"""Stand-ins for `twistd` and `tdistcc`, for tests of what calls them."""

import sys
from pathlib import Path

# Listens, notes how it was called, and ends at SIGTERM.
TWISTD = """#!{python}
import os, pathlib, socket, sys
pathlib.Path("arguments").write_text("\\n".join(sys.argv[1:]))
pathlib.Path("pid").write_text(str(os.getpid()))
port = int(sys.argv[sys.argv.index("--port") + 1])
with socket.create_server(("127.0.0.1", port)) as server:
    while True:
        server.accept()[0].close()
"""

# Writes the line that the farm's server would write, and compiles here, as its last line says.
TDISTCC = """#!/bin/sh
[ -z "$DISTCC_DIR" ] || echo "job peer=x verdict=done status=0" >>"$DISTCC_DIR/../jobs.log"
{compile}
"""


def install(folder: Path, compile_line: str = 'exec "$@"') -> str:
    """Put the stand-ins into `folder`, and return the path of a Python that would be beside them."""
    folder.mkdir(parents=True)
    texts = {
        "twistd": TWISTD.format(python=sys.executable),
        "tdistcc": TDISTCC.format(compile=compile_line),
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return str(folder / "python")
