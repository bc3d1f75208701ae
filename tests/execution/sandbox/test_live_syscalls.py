"""Toolchains within the filter: they get what they need, and their results are the same."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.execution.sandbox.tracing import OUTPUT, PATH, SOURCE, UNIT, installed, recorded
from twisted_distcc.content.body import Body
from twisted_distcc.execution.resource_limits import Limits
from twisted_distcc.execution.sandbox.builder import build
from twisted_distcc.execution.sandbox.syscalls import ALLOWED, CONDITIONS, Condition, OneOf
from twisted_distcc.execution.sandbox.trial import attempt
from twisted_distcc.toolchain.discovery import whole_system

# What toolchains ask for and do without, if it is refused as it is here.
DONE_WITHOUT = {
    "clone3": "the older call instead",
    "close_range": "each descriptor is closed by itself",
    "connect": "there is no socket",
    "copy_file_range": "contents are read and written",
    "epoll_create1": "Python's select module only asks whether there is one",
    "faccessat2": "the older call instead",
    "fadvise64": "it would be advice",
    "getxattr": "a file system may have none",
    "ioctl(0x40049409)": "contents are read and written",
    "ioctl(0x540f)": "there is no terminal",
    "lgetxattr": "a file system may have none",
    "listxattr": "a file system may have none",
    "renameat2": "the older call instead",
    "sendfile": "contents are read and written",
    "socket": "users are looked up in files",
    "statfs": "there is no SELinux to be seen",
    "statx": "the older call instead",
}


def is_allowed(call: str) -> bool:
    """Say whether the filter lets a call of the record through."""
    name, _, argument = call.rstrip(")").partition("(")
    return name in ALLOWED or (name in CONDITIONS and _meets(CONDITIONS[name], int(argument, 0)))


def _meets(condition: Condition, argument: int) -> bool:
    if isinstance(condition, OneOf):
        return argument in condition.values
    return not argument & condition.bits


class RecordTests(SynchronousTestCase):
    def test_recorded_calls(self) -> None:
        """Each call that a toolchain was seen to make is allowed, or known to be done without."""
        record = recorded()
        self.assertGreaterEqual(len(record), 20)
        refused = {call for calls in record.values() for call in calls if not is_allowed(call)}
        self.assertEqual(refused, set(DONE_WITHOUT))


class ToolchainTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        environ = {"PATH": PATH, "LC_ALL": "C"}
        self.sandbox = build(Limits(), environ, str(self.folder), careful=False)

    def plainly(self, script: str, folder: Path) -> tuple[int, bytes, bytes]:
        folder.mkdir()
        (folder / SOURCE).write_text(UNIT)
        ended = subprocess.run(
            ["/bin/sh", "-c", script],
            cwd=folder,
            env={**self.sandbox.environ, "TMPDIR": str(folder)},
            capture_output=True,
            check=False,
        )
        return ended.returncode, ended.stderr, (folder / OUTPUT).read_bytes()

    def confined(self, script: str, folder: Path) -> tuple[int, bytes, bytes]:
        seen = whole_system("/bin/sh")
        argv = ["/bin/sh", "-c", script]
        with self.sandbox.enclose(seen, argv, SOURCE, Body.of(UNIT.encode()), str(folder)) as job:
            reply = attempt(job)
        return reply.exit_code, reply.stderr.read(), reply.object_file.read()

    def test_results(self) -> None:
        """Objects, messages and exit codes of each toolchain are what they are without a filter."""
        for number, (name, script) in enumerate(installed()):
            folder = self.folder / str(number)
            self.assertEqual(self.confined(script, folder), self.plainly(script, folder), name)
