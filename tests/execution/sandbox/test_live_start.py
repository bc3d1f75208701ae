"""Servers on a system that makes no sandboxes: which start, and what they say and still do."""

from __future__ import annotations

import struct
from itertools import starmap

from tests.live import LiveTestCase
from tests.server.talk import ask
from twisted_distcc.cli.installed import installed_command
from twisted_distcc.errors import EXIT_PRIVILEGES

# Another user, as far as it can tell, who may make no namespaces for users.
_FORBIDDEN = (
    "/usr/bin/bwrap", "--unshare-user", "--uid", "65534", "--gid", "65534", "--disable-userns",
    "--die-with-parent", "--dev-bind", "/", "/", "--",
)  # fmt: skip
# A filter: of call 437, which is openat2 on every machine, it says that there is none (ENOSYS).
_STEP = struct.Struct("=HBBI")
_NO_OPENAT2 = ((0x20, 0, 0, 0), (0x15, 0, 1, 437), (0x06, 0, 0, 0x00050026), (0x06, 0, 0, 0x7FFF0000))


def server(*options: str) -> tuple[str, ...]:
    twistd = str(installed_command("twistd"))
    return (
        *_FORBIDDEN, twistd, "--nodaemon", "--pidfile=", "distccd", "--port=0",
        "--allow=127.0.0.1", "--listen=127.0.0.1", "--log-file=log", *options,
    )  # fmt: skip


class NoSandboxTests(LiveTestCase):
    async def test_require(self) -> None:
        """A server that must have a sandbox does not start, and its last line says what would help."""
        child = self.start(*server("--sandbox=require"))
        self.assertEqual(await child.ended(), EXIT_PRIVILEGES)
        self.assertIn("user.max_user_namespaces=10000", child.stderr.splitlines()[-1])
        self.assertNotIn("Traceback", child.stderr + (child.folder / "log").read_text())
        self.assertEqual(list(child.temporary.iterdir()), [])

    async def test_require_detached(self) -> None:
        """One that has detached by then ends as well, and who started it reads why."""
        words = [word for word in server("--sandbox=require") if word != "--nodaemon"]
        child = self.start(*words)
        self.assertEqual(await child.ended(), 1)
        self.assertIn("no more user namespaces can be made here", child.stderr)
        log = (child.folder / "log").read_text()
        self.assertIn("user.max_user_namespaces=10000", log)
        self.assertNotIn("Traceback", log)

    async def test_auto(self) -> None:
        """One that would rather have one says so loudly, and keeps what limits it can."""
        compilers = self.place("bin")
        compilers.mkdir(parents=True)
        (compilers / "gcc").write_text("#!/bin/sh\nulimit -t >&2; ulimit -n >&2; exit 1\n")
        (compilers / "gcc").chmod(0o755)
        started = self.start_server(
            *server("--sandbox-cpu=77", "--sandbox-open-files=88"),
            environ={"DISTCCD_PATH": str(compilers)},
        )
        await started.ready()
        await started.logged(r"NO SANDBOX: .*user\.max_user_namespaces=10000")
        self.assertEqual((await ask(started.port)).stderr, "77\n88\n")

    async def test_off(self) -> None:
        """One that shall have none says so, and looks for no cause."""
        started = self.start_server(*server("--sandbox=off"))
        await started.ready()
        self.assertEqual((await ask(started.port)).exit_code, 0)
        await started.logged(
            r"\[warn\] no sandbox, as --sandbox=off says: compilers, and so clients, can"
        )
        self.assertNotIn("NO SANDBOX", started.log)

    async def test_under_systemd(self) -> None:
        """Where openat2 is forbidden, as by systemd's DynamicUser=, the jail does without."""
        folder = self.place()
        folder.mkdir()
        (folder / "filter").write_bytes(b"".join(starmap(_STEP.pack, _NO_OPENAT2)))
        twistd = str(installed_command("twistd"))
        started = self.start_server(
            "sh", "-c", 'exec 9<"$0"; exec bwrap --die-with-parent --dev-bind / / --seccomp 9 -- "$@"',
            str(folder / "filter"), twistd, "--nodaemon", "--pidfile=", "distccd", "--port=0",
            "--allow=127.0.0.1", "--listen=127.0.0.1", "--log-file=log", "--sandbox=require",
            "--sandbox-program=jail",
        )  # fmt: skip
        await started.ready()
        answer = await ask(started.port)
        self.assertEqual((answer.exit_code, answer.stderr), (0, ""))

    async def test_on(self) -> None:
        """One that has a sandbox says so."""
        started = await self.serve("--sandbox=auto")
        await started.logged(r"\[info\] each compiler runs in a sandbox of its own")
