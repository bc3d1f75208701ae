"""A real sshd of the test's own user on loopback, and an ssh that leads to it and to nothing else.

In: a test, a short folder.  Out: a running sshd, and the program that calls it.  Keys, configuration and
known hosts are the test's own; the user's are not read.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Final

from tests.live import Child, LiveTestCase, until

SSHD: Final = shutil.which("sshd", path="/usr/sbin:/usr/bin:/usr/local/sbin")
MISSING: Final = (
    "sshd and ssh are not installed (Debian: apt-get install openssh-server openssh-client)"
    if SSHD is None or shutil.which("ssh") is None
    else None
)
_CONFIG: Final = """\
ListenAddress 127.0.0.1:{port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized
PidFile none
PermitRootLogin yes
PasswordAuthentication no
StrictModes no
UsePAM no
PrintMotd no
"""
# What DISTCC_SSH names is one program: this one adds what our sshd needs.
_SSH: Final = """\
#!/bin/sh
exec ssh -F none -p {port} -i {folder}/user -o StrictHostKeyChecking=no -o BatchMode=yes \\
    -o UserKnownHostsFile={folder}/known -o LogLevel=ERROR "$@"
"""


def free_port() -> int:
    """Give a port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def answers(port: int) -> bool:
    """Whether somebody listens on this port of loopback."""
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def port_of(program: Path) -> int:
    """Return the port of the sshd that `program` leads to."""
    return int(program.read_text().partition(" -p ")[2].split()[0])


def by_way_of(program: Path, jump: Path, port: int) -> None:
    """Have `program` call its sshd from the machine that `jump` leads to, as by ProxyJump.

    Args:
        program: leads to the sshd.
        jump: leads to another one.
        port: stands in for the port of that.
    """
    nearer = jump.read_text().replace(f" -p {port_of(jump)} ", f" -p {port} ")
    jump.write_text(nearer)
    proxy = f"-o 'ProxyCommand={jump} -W %h:%p 127.0.0.1'"
    program.write_text(program.read_text().replace("ssh -F none", f"ssh -F none {proxy}"))


async def start_sshd(test: LiveTestCase, folder: Path, restrictions: str = "") -> Path:
    """Start an sshd; give the program that leads to it.

    Args:
        test: the test, which ends it.
        folder: where its files go; it is made.
        restrictions: what stands before the user's key in `authorized_keys`.
    """
    folder.mkdir(mode=0o700)
    port = free_port()
    for key in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)]
        subprocess.run(command, check=True)
    public = (folder / "user.pub").read_text()
    (folder / "authorized").write_text(f"{restrictions} {public}".lstrip())
    (folder / "config").write_text(_CONFIG.format(folder=folder, port=port))
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd of root wants it
    sshd: Child = test.start(str(SSHD), "-D", "-e", "-f", str(folder / "config"))
    await until(lambda: answers(port) or sshd.has_ended(), "sshd listens")
    test.assertFalse(sshd.has_ended(), sshd.stderr)
    program = folder / "ssh"
    program.write_text(_SSH.format(folder=folder, port=port))
    program.chmod(0o755)
    return program
