"""The question what a server can, put to servers of every kind over real connections."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tests.live import LiveTestCase, until
from tests.server.connection.test_stdio import CONFINED, PipeTestCase
from tests.server.talk import Answer, answer_of, ask, request_bytes
from twisted_distcc import __version__
from twisted_distcc.errors import EXIT_ACCESS_DENIED, EXIT_COMPILER_MISSING
from twisted_distcc.toolchain.discovery import discover
from twisted_distcc.toolchain.known_toolchains import Toolchains

QUESTION = ("twisted-distccd", "about")
DIGEST = "^[0-9a-f]{64}$"


def about(answer: Answer) -> dict[str, Any]:
    """Read an answer; it is one whole reply of success without an object."""
    assert (answer.exit_code, answer.stderr, answer.object_file) == (0, "", b""), answer
    told: dict[str, Any] = json.loads(answer.stdout)
    return told


def own_digest(compiler: str) -> str | None:
    """Give the digest as a client finds it for its own compiler."""
    known = Toolchains(lambda path: discover(path, {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}, ()))
    known.learn(compiler)
    return known.digest(compiler)


class DaemonTests(LiveTestCase):
    async def test_in_a_sandbox(self) -> None:
        """A server with sandboxes preprocesses exactly; its compiler is known by what a client finds."""
        server = await self.serve("--sandbox=require")
        told = about(await ask(server.port, (*QUESTION, "gcc"), b""))
        expected = {"server": "twisted-distccd", "version": __version__, "preprocesses": "exact"}
        expected["outputs"] = "all"
        expected |= {"path": "/usr/bin/gcc", "real_path": os.path.realpath("/usr/bin/gcc")}
        self.assertEqual(told, {**expected, "compiler": own_digest("/usr/bin/gcc")})
        self.assertRegex(told["compiler"], DIGEST)
        self.assertEqual(server.jobs, [])

    async def test_each_compiler(self) -> None:
        """Compilers are told apart, and by whatever name, they are themselves."""
        server = await self.serve("--sandbox=require")
        gcc, path, other = [
            about(await ask(server.port, (*QUESTION, name), b""))["compiler"]
            for name in ("gcc", "/usr/bin/gcc", "g++")
        ]
        self.assertEqual(gcc, path)
        self.assertNotEqual(gcc, other)

    async def test_compressed(self) -> None:
        """The question may come in version 2 as well."""
        server = await self.serve()
        told = about(await ask(server.port, (*QUESTION, "gcc"), b"", version=2))
        self.assertEqual(told["server"], "twisted-distccd")

    async def test_without_a_sandbox(self) -> None:
        """A server without them maps names, and knows its compilers all the same."""
        server = await self.serve("--sandbox=off")
        told = about(await ask(server.port, (*QUESTION, "gcc"), b""))
        expected = ("mapped", own_digest("/usr/bin/gcc"))
        self.assertEqual((told["preprocesses"], told["compiler"]), expected)

    async def test_a_script(self) -> None:
        """A compiler that is a script is not exact even in a sandbox, and has no digest."""
        folder = self.place("bin")
        folder.mkdir(parents=True)
        (folder / "gcc").write_text('#!/bin/sh\nexec /usr/bin/gcc "$@"\n')
        (folder / "gcc").chmod(0o755)
        environ = {"DISTCCD_PATH": f"{folder}:/usr/bin:/bin"}
        server = await self.serve("--sandbox=require", environ=environ)
        told = about(await ask(server.port, (*QUESTION, "gcc"), b""))
        self.assertEqual((told["preprocesses"], told["compiler"]), ("mapped", None))

    async def test_an_unknown_compiler(self) -> None:
        """Whoever asks for a compiler that is not there learns that, and may not bring one."""
        server = await self.serve("--sandbox=require")
        unknown = "is not a compiler that this server knows"
        for name, why in (
            ("clang-99", "tcp:127.0.0.1 is no certificate and no login"),
            ("rm", unknown),
            ("/etc/passwd", unknown),
        ):
            answer = await ask(server.port, (*QUESTION, name), b"")
            self.assertEqual(answer.exit_code, EXIT_COMPILER_MISSING, name)
            told = json.loads(answer.stdout)
            self.assertIn(why, told.pop("why"))
            self.assertEqual(told, {"server": "twisted-distccd", "toolchains": "no"}, name)

    async def test_who_may_not_connect(self) -> None:
        """A peer that is not admitted learns nothing."""
        server = self.start_server(
            "twistd", "--nodaemon", "--pidfile=", "distccd", "--allow=192.0.2.0/24",
            "--listen=127.0.0.1", "--port=0", "--log-file=log",
        )  # fmt: skip
        await server.ready()
        answer = await ask(server.port, (*QUESTION, "gcc"), b"")
        self.assertEqual((answer.exit_code, answer.stdout), (EXIT_ACCESS_DENIED, b""))

    async def test_who_may_not_compile(self) -> None:
        """Nor does one whom the rules let compile nothing, but who answers."""
        server = await self.serve(f"--policy={self.policy()}")
        answer = await ask(server.port, (*QUESTION, "gcc"), b"")
        await until(lambda: server.jobs, "the refusal is logged, as a job's")
        self.assertEqual(answer.exit_code, EXIT_ACCESS_DENIED)
        self.assertEqual(json.loads(answer.stdout), {"server": "twisted-distccd"})

    def policy(self) -> Path:
        path = self.place("policy")
        path.parent.mkdir(parents=True)
        path.write_text('[[rule]]\nname = "nobody"\nwho = ["*"]\nverdict = "refuse"\n')
        return path


class StreamTests(PipeTestCase):
    async def test_over_streams(self) -> None:
        """A server for one connection answers as the one that stays."""
        streams = self.piped(*CONFINED)
        told = about(answer_of(await self.ask(*streams, request_bytes((*QUESTION, "gcc"), b""))))
        self.assertEqual((told["preprocesses"], told["compiler"]), ("exact", own_digest("/usr/bin/gcc")))
