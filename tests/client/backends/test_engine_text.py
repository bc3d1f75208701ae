"""Text for engines whose workers have this machine's compiler: the worker here is this machine."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, execute
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.reapi.double import Double, Fault, done, settle
from twisted_distcc.client.backends.engine_access import Engine, EngineAccess
from twisted_distcc.client.backends.engines import Engines
from twisted_distcc.client.backends.host_faults import AnotherCompilerError, LackingHostError
from twisted_distcc.client.backends.likeness import Likeness
from twisted_distcc.client.hosts import EngineHost
from twisted_distcc.client.inputs.local_toolchains import LocalCompiler
from twisted_distcc.client.inputs.travelling_toolchains import TravellingToolchains
from twisted_distcc.client.journal.unit_traffic import Traffic
from twisted_distcc.content.body import Body
from twisted_distcc.content.directories import decode
from twisted_distcc.jobs.model import Request
from twisted_distcc.reapi import schema
from twisted_distcc.reapi.grpc_status import Code

GCC = LocalCompiler("/usr/bin/gcc", "gcc", (("PATH", "/usr/bin:/bin"),))
DIGEST = "07" * 32
TEXT = b'# 1 "/src/w.c"\nint answer(void) { int unused; return 42; }\n'


class TextTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.double = Double(self.clock, run=self.run_here)
        self.toolchains = TravellingToolchains(self.clock, execute)
        self.engines = Engines(self.clock, self.toolchains)
        host = EngineHost("red", 50051, text=True)
        self.engine = Engine(host, EngineAccess(), lambda: self.double)
        self.salts: list[bytes] = []

    def run_here(self, command: Any, action: Any) -> Any:
        """Run an action as a worker does that has no root of its own."""
        folder = Path(self.mktemp())
        folder.mkdir()
        self.salts.append(action.salt)
        for name, digest, _ in decode(self.double.blobs[action.input_root_digest.hash]).files:
            (folder / name.decode()).write_bytes(self.double.blobs[digest.hex()])
        environ = {one.name: one.value for one in command.environment_variables}
        ended = subprocess.run(
            command.arguments, cwd=folder, env=environ, capture_output=True, check=False
        )
        made = schema.ActionResult(exit_code=ended.returncode, stderr_raw=ended.stderr)
        for path in command.output_paths:
            if (folder / path).exists():
                made.output_files.add(path=path, contents=(folder / path).read_bytes())
        return made

    def likeness(self) -> Deferred[Likeness]:
        asked = Deferred.fromCoroutine(self.engines.likeness(self.engine, GCC, DIGEST, None))
        settle(self.clock)
        return asked

    def compile(self, digest: str = DIGEST) -> Deferred[Any]:
        words = (b"gcc", b"-O2", b"-Wall", b"-x", b"cpp-output", b"-c", b"w.c", b"-o", b"w.o")
        request = Request(words, Body.of(TEXT), compiler=digest)
        work = self.engines.compile(self.engine, request, GCC, None, Traffic())
        job = Deferred.fromCoroutine(work)
        settle(self.clock)
        return job

    def test_same(self) -> None:
        """A worker that has our compiler compiles text as we would, and the action says by which."""
        self.assertIs(self.successResultOf(self.likeness()), Likeness.SAME)
        reply = self.successResultOf(self.compile())
        self.assertEqual(reply.status, 0)
        self.assertIn(b"unused", reply.stderr.read())
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "source.i").write_bytes(TEXT)
        subprocess.run(["gcc", "-O2", "-c", "source.i", "-o", "w.o"], cwd=folder, check=True)
        self.assertEqual(reply.object_file.read(), (folder / "w.o").read_bytes())
        self.assertEqual(self.salts[-1], bytes.fromhex(DIGEST))

    def test_never_unasked(self) -> None:
        """No text goes to an engine whose workers have not shown that they have this compiler."""
        self.failureResultOf(self.compile(), LackingHostError)
        self.successResultOf(self.likeness())
        self.failureResultOf(self.compile("08" * 32), LackingHostError)
        self.double.run = lambda command, action: schema.ActionResult(exit_code=1)
        self.failureResultOf(self.likeness(), AnotherCompilerError)
        self.failureResultOf(self.compile(), LackingHostError)

    def test_another(self) -> None:
        """A worker that lacks a part, or cannot compare, has another compiler."""
        find = self.toolchains.parts
        parts = self.successResultOf(Deferred.fromCoroutine(find(GCC)))
        self.assertIn("/usr/bin/gcc", [path for path, _ in parts])
        for found in (
            (*parts, ("/nonexistent", bytes(32))),
            (*parts[1:], (parts[0][0], bytes(32))),
            (),
        ):
            self.patch(self.toolchains, "_find_parts", lambda _compiler, found=found: found)
            self.failureResultOf(self.likeness(), AnotherCompilerError)
        self.patch(self.toolchains, "_find_parts", lambda _compiler: parts)
        for code in (Code.INTERNAL, Code.INVALID_ARGUMENT):
            self.double.script["Execute"] = [Fault(code, "no such program")] * 2
            self.failureResultOf(self.likeness(), AnotherCompilerError)

    def test_not_hermetic(self) -> None:
        """An engine that is not hermetic gets text if its workers have our compiler."""
        self.engine = replace(self.engine, host=EngineHost("red", 50051))

        # The probe is sent this machine's compiler, of which nobody makes use here.
        self.double.script["FindMissingBlobs"] = [schema.FindMissingBlobsResponse()]
        self.double.script["Execute"] = [done(schema.ActionResult(exit_code=1))] * 2
        self.assertIs(self.successResultOf(self.likeness()), Likeness.SAME)
