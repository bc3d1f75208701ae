"""A script in place of a compiler, which sees all that is installed: what its sandbox still keeps.

The script runs its source as a script of the shell.
"""

from __future__ import annotations

from tests.hostile.exploits import ATTACK, compilers
from tests.live import LiveServer, LiveTestCase
from tests.server.talk import Answer, ask
from twisted_distcc.errors import EXIT_OUT_OF_MEMORY

OBEYS = """#!/bin/sh
while [ "$2" != -o ]; do shift; done
echo object >"$3"
. "./$1"
"""
SETS = """
exec 3>&2
for file in oom_score_adj oom_adj timerslack_ns comm coredump_filter clear_refs autogroup; do
    for whose in self 1; do
        echo 500 >/proc/$whose/$file && echo "SET $file" >&3
    done
done 2>/dev/null
cat /proc/self/oom_score_adj >&2
exit 1
"""
# Into whatever is open in any process of the sandbox, the object and the shell's account among it;
# beyond what the shell will write itself.
FORGES = """
for open in /proc/[0-9]*/fd/*; do
    printf '%0200d\\n99999999999999999999m9.9.9s 99999999999999999999m9.9.9s\\n' 0 1<>"$open"
done 2>/dev/null
"""


class ScriptTests(LiveTestCase):
    confiner = "jail"
    seen = frozenset({"jail", "gcc", "cat"})

    async def serve_script(self, *options: str) -> LiveServer:
        folder = compilers() / "scripts"
        folder.mkdir(exist_ok=True)
        (folder / "gcc").write_text(OBEYS)
        (folder / "gcc").chmod(0o755)
        return await self.serve(
            "--sandbox=require",
            f"--sandbox-program={self.confiner}",
            *options,
            environ={"DISTCCD_PATH": f"{folder}:/usr/bin:/bin"},
        )

    async def obeyed(self, server: LiveServer, script: str) -> Answer:
        return await ask(server.port, ATTACK, script.encode())

    async def test_reach(self) -> None:
        """No home, no password file, no file of the server's, and no process but the job's own."""
        server = await self.serve_script()
        paths = (
            "/etc/passwd", "/etc/hostname", f"{compilers()}/secret", f"{server.folder}/log",
            f"/proc/{server.pid}/environ", "/sys/kernel/notes",
        )  # fmt: skip
        for path in paths:
            answer = await self.obeyed(server, f'cat "{path}" >&2 && echo READ >&2; exit 1\n')
            self.assertIn("No such file", answer.stderr, path)
            self.assertNotIn("READ", answer.stderr, path)
        answer = await self.obeyed(server, "cat /proc/[0-9]*/comm >&2; exit 1\n")
        self.assertLessEqual(set(answer.stderr.split()), self.seen)
        for path in ("/usr/new", "/new", "/proc/sys/kernel/hostname", "/usr/bin/gcc"):
            answer = await self.obeyed(server, f'echo >"{path}" && echo WROTE >&2; exit 1\n')
            self.assertNotIn("WROTE", answer.stderr, path)

    async def test_settings(self) -> None:
        """It stays the first to die when memory runs out, and sets nothing else that `/proc` has."""
        server = await self.serve_script()
        answer = await self.obeyed(server, SETS)
        self.assertEqual(answer.stderr.split(), ["1000"])

    async def test_forgeries(self) -> None:
        """What it writes in place of the shell and bubblewrap stops no server, and no other job."""
        server = await self.serve_script()
        self.assertEqual((await self.obeyed(server, FORGES + "exit 0\n")).exit_code, 0)
        self.assertEqual((await self.obeyed(server, FORGES + "exit 3\n")).exit_code, 3)
        self.assertNotIn("Traceback", server.log)
        answer = await self.obeyed(server, "exit 0\n")
        self.assertEqual((answer.exit_code, answer.object_file), (0, b"object\n"))

    async def test_names(self) -> None:
        """Nor does it hide from who counts its files."""
        server = await self.serve_script("--sandbox-space=1M")
        answer = await self.obeyed(server, FORGES + "while :; do i=$((i + 1)); : >$i; done\n")
        self.assertEqual(answer.exit_code, EXIT_OUT_OF_MEMORY)
        self.assertIn("--sandbox-space", answer.stderr)

    async def test_the_shared_folder(self) -> None:
        """Two jobs have nothing in common, though both could write anywhere in their own."""
        server = await self.serve_script()
        await self.obeyed(server, "echo planted >planted; echo planted >/tmp/planted\n")
        answer = await self.obeyed(server, "ls . /tmp >&2; exit 1\n")
        self.assertIn("output.o", answer.stderr)
        self.assertNotIn("planted", answer.stderr)


class BubblewrapScriptTests(ScriptTests):
    """The same in sandboxes of bubblewrap's, where a shell runs the script."""

    confiner = "bubblewrap"
    seen = frozenset({"bwrap", "sh", "gcc", "cat"})
