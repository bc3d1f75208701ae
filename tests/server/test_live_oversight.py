"""Policy and audit log of real servers: from the options to the client's screen."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.live import LiveServer, LiveTestCase, open_to_all, until
from tests.server.talk import SOURCE, ask, connect, has_ipv6
from twisted_distcc.errors import EXIT_ACCESS_DENIED

TWISTD = ("twistd", "--nodaemon", "--pidfile=", "distccd", "--allow=127.0.0.1")
POLICY = """
[[rule]]
name = "no debug information"
who = ["*"]
options = ["-g*"]
verdict = "refuse"
reason = "the network is slow"

[[rule]]
name = "this machine"
who = ["tcp:*"]
from = ["127.0.0.0/8"]
verdict = "allow"
slots = 2
"""


def accounts(path: Path) -> list[Mapping[str, Any]]:
    """Read an audit log."""
    return [json.loads(line) for line in path.read_text("ascii").splitlines()]


class OversightTestCase(LiveTestCase):
    def file(self, text: str = POLICY) -> Path:
        path = self.place("policy.toml")
        path.parent.mkdir()
        path.write_text(text)
        return path


class PolicyTests(OversightTestCase):
    async def test_by_options(self) -> None:
        """What a rule refuses comes back as its sentence, and what a rule allows is compiled."""
        server = await self.serve(f"--policy={self.file()}")
        answer = await ask(server.port, ("gcc", "-g", "-c", "x.c"))
        self.assertEqual(answer.exit_code, EXIT_ACCESS_DENIED)
        self.assertEqual(
            answer.stderr,
            "the server refuses this job: this server's rule 'no debug information' refuses it:"
            " the network is slow\n",
        )
        self.assertEqual((await ask(server.port)).exit_code, 0)

    async def test_hang_up(self) -> None:
        """On SIGHUP the rules are read again; those that cannot be meant change nothing, loudly."""
        path = self.file()
        server = await self.serve(f"--policy={path}")
        path.write_text(POLICY.replace("tcp:*", "tls:*"))
        server.signal(signal.SIGHUP)
        await server.logged(f"the policy is what {path} says now")
        answer = await ask(server.port)
        self.assertIn("no rule of this server allows it to tcp:127.0.0.1", answer.stderr)
        path.write_text(POLICY.replace("slots = 2", "slots = many"))
        server.signal(signal.SIGHUP)
        await server.logged(rf"\[error\] the policy stays as it was: {path}")
        self.assertEqual((await ask(server.port)).exit_code, EXIT_ACCESS_DENIED)

    async def test_what_keeps_a_server_from_starting(self) -> None:
        """A policy or an audit log that is unusable is said in a sentence, by every kind of server."""
        bad = self.file(POLICY.replace("refuse", "forbid"))
        children = [
            (self.start(*command, *options), part)
            for command in (TWISTD, ("tdistccd", "--daemon", "-a", "127.0.0.1"), ("twistd-stdio",))
            for options, part in (
                ((f"--policy={bad}",), "rule 'no debug information': key 'verdict'"),
                (("--policy=/no/such/policy",), "/no/such/policy: cannot be read"),
                (("--audit-log=/no/such/log",), "cannot open the audit log /no/such/log"),
            )
        ]
        children.append(
            (
                self.start(*TWISTD, f"--policy={self.file()}", "--allow-user=alice"),
                "--allow-user cannot be combined",
            )
        )
        for child, part in children:
            self.assertNotEqual(await child.ended(), 0)
            said = child.stdout.decode() + child.stderr
            self.assertIn(part, said)
            self.assertNotIn("Traceback", said)


class AuditTests(OversightTestCase):
    async def audited(self, *options: str) -> tuple[LiveServer, Path]:
        log = self.place("audit")
        log.parent.mkdir()
        open_to_all(log.parent)
        return await self.serve(f"--audit-log={log}", *options), log

    async def test_accounts(self) -> None:
        """A job, a refused job and a refused connection are a line each, with digests and reasons."""
        if not has_ipv6():
            self.skipTest("this machine has no ::1")
        listen = ("--listen=127.0.0.1", "--listen=::1")
        server, log = await self.audited(f"--policy={self.file()}", *listen)
        done = await ask(server.port)
        await ask(server.port, ("gcc", "-g", "-c", "x.c"))
        await ask(server.port, host="::1")
        job, refused, connection = await until(
            lambda: len(found := accounts(log)) == 3 and found, "three lines are there"
        )
        self.assertEqual(job["verdict"], "done")
        self.assertEqual(
            (job["input"]["sha256"], job["outputs"]["object"]["sha256"]),
            (hashlib.sha256(SOURCE).hexdigest(), hashlib.sha256(done.object_file).hexdigest()),
        )
        self.assertEqual(job["reasons"][-1], "rule 'this machine' allows it")
        self.assertEqual((refused["verdict"], len(refused["reasons"])), ("refused", 2))
        self.assertEqual((connection["event"], connection["verdict"]), ("connection", "refused"))
        self.assertEqual([line["identity"] for line in (job, refused)], ["tcp:127.0.0.1"] * 2)
        self.assertEqual(os.stat(log).st_mode & 0o777, 0o600)

    async def test_the_compiler(self) -> None:
        """In the sandbox it is known by the digest of its programs, which is the same for each job."""
        server, log = await self.audited("--sandbox=require")
        for _ in range(2):
            await ask(server.port)
        jobs = await until(lambda: len(found := accounts(log)) == 2 and found, "two lines are there")
        first, second = (job["compiler_sha256"] for job in jobs)
        self.assertRegex(first, "^[0-9a-f]{64}$")
        self.assertEqual(first, second)

    async def test_a_large_source(self) -> None:
        """What is digested in a thread is told of like what is small."""
        server, log = await self.audited()
        source = b"int value;\n" + b"/* */\n" * 500_000
        self.assertEqual((await ask(server.port, source=source)).exit_code, 0)
        (job,) = await until(lambda: accounts(log), "the line is there")
        self.assertEqual(
            job["input"], {"sha256": hashlib.sha256(source).hexdigest(), "bytes": len(source)}
        )

    async def test_rotation(self) -> None:
        """Rotated by a rename and SIGHUP while jobs go on, no line is lost and none is there twice."""
        server, log = await self.audited("--jobs=2")
        asked = [ask(server.port, ("gcc", "-c", f"x{number}.c")) for number in range(3)]
        for job in asked:
            await job
        moved = log.with_name("audit.1")
        log.rename(moved)
        server.signal(signal.SIGHUP)
        await until(log.exists, "the new file is there")
        await ask(server.port, ("gcc", "-c", "x3.c"))
        await until(log.read_text, "the line is there")
        self.assertEqual(
            [[line["source"] for line in accounts(path)] for path in (moved, log)],
            [["x0.c", "x1.c", "x2.c"], ["x3.c"]],
        )

    async def test_idle_connections_leave_none(self) -> None:
        """Who connects and goes has asked for nothing."""
        server, log = await self.audited()
        client = await connect(server.port)
        client.abort()
        await ask(server.port)
        self.assertEqual(len(await until(lambda: accounts(log), "the line is there")), 1)
