"""An sshd for a benchmark's own key, and the program that calls it.

What enters: a workbench.
What leaves: a program that takes the arguments of ssh; sshd is stopped when the `with` block ends.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.servers import HERE, Place, free_port, started
from benchmarks.workbench import RowUnavailableError, Workbench

_CONFIG = """\
ListenAddress {host}:{port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized
PidFile none
PermitRootLogin yes
PasswordAuthentication no
StrictModes no
UsePAM no
PrintMotd no
MaxStartups 100
"""
_SSH = """\
#!/bin/sh
exec ssh -F none -p {port} -i {folder}/user -o StrictHostKeyChecking=no -o BatchMode=yes \\
    -o UserKnownHostsFile={folder}/known -o LogLevel=ERROR "$@"
"""


@contextmanager
def sshd(bench: Workbench, place: Place = HERE) -> Iterator[Path]:
    """Run an sshd; give the program that leads to it."""
    found = shutil.which("sshd", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if found is None or shutil.which("ssh") is None:
        raise RowUnavailableError("there is no sshd, or no ssh (Debian: openssh-server, openssh-client)")
    folder, port = bench.private_folder(f"ssh-{place.address}"), free_port()
    for key in ("host", "user"):
        make_key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)]
        subprocess.run(make_key, check=True)
    shutil.copy(folder / "user.pub", folder / "authorized")
    (folder / "config").write_text(_CONFIG.format(host=place.address, port=port, folder=folder))
    Path("/run/sshd").mkdir(exist_ok=True)  # sshd of root wants it
    program = folder / "ssh"
    program.write_text(_SSH.format(port=port, folder=folder))
    program.chmod(0o755)
    command = [*place.enter, found, "-D", "-e", "-f", str(folder / "config")]
    with started(command, port, folder / "log"):
        yield program
