"""Jobs on an engine in memory: what it is sent, and what comes of everything that it may answer."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, execute
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.reapi.double import HANG, Begun, Double, Fault, done, operation, settle
from twisted_distcc.client.backends.engine_access import Engine, EngineAccess
from twisted_distcc.client.backends.engine_probe import probe_request
from twisted_distcc.client.backends.engines import Engines
from twisted_distcc.client.backends.host_faults import (
    AnotherCompilerError,
    BadReplyError,
    CannotConnectError,
    HostError,
    LackingHostError,
    RefusedByHostError,
    Scope,
    SlowHostError,
    UntrustedError,
)
from twisted_distcc.client.backends.likeness import Likeness
from twisted_distcc.client.hosts import EngineHost
from twisted_distcc.client.inputs.local_toolchains import LocalCompiler
from twisted_distcc.client.inputs.travelling_toolchains import TravellingToolchains
from twisted_distcc.client.journal.unit_traffic import Traffic
from twisted_distcc.content.body import Body
from twisted_distcc.content.local_content import LocalContent
from twisted_distcc.content.merkle import merkle
from twisted_distcc.jobs.model import DEPENDENCIES, OBJECT, InputFile, Request, Tree
from twisted_distcc.reapi import schema
from twisted_distcc.reapi.blob import BlobName
from twisted_distcc.reapi.grpc_status import Code
from twisted_distcc.toolchain.travelling_tree import ToolFile, TravellingTree

GCC = LocalCompiler("/usr/bin/gcc", "gcc", (("PATH", "/usr/bin"),))
DIGEST = "00" * 32
HOST = EngineHost("red", 50051)
PROBED = {"../out/x.o": b"...\0/.tdistcc-probe/here\0..."}


def request(words: str = "env LC_ALL=C gcc -MD -c w.c -o w.o", source: bytes = b"int a;") -> Request:
    """A request with one file."""
    tree = Tree(b"/src", (InputFile(b"/src/w.c", LocalContent(source)),))
    return Request(tuple(map(str.encode, words.split())), version=3, tree=tree, compiler=DIGEST)


def result(object_file: bytes = b"OBJECT", rules: bytes = b"w.o: w.c\n", **fields: Any) -> Any:
    """What a good compile leaves."""
    files = [
        schema.OutputFile(path=f".tdistcc-0/output.{suffix}", contents=data)
        for suffix, data in (("o", object_file), ("d", rules))
        if data
    ]
    return schema.ActionResult(output_files=files, **fields)


class EngineTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write(b"ELF")
        tool = ToolFile(path, BlobName.of(b"ELF").digest, 3)
        self.tree = TravellingTree((), (replace(tool, path="/usr/bin/gcc"),), (("/bin", "usr/bin"),), ())
        self.clock = Clock()
        self.double = Double(self.clock, run=lambda command, action: result())
        self.double.blobs[tool.digest.hex()] = b"ELF"  # so that nobody reads /usr/bin/gcc
        self.toolchains = TravellingToolchains(
            self.clock, execute, lambda compiler, language: self.tree, lambda compiler: ()
        )
        self.engines = Engines(self.clock, self.toolchains, lambda: 0.5)
        self.engine = Engine(HOST, EngineAccess("main"), lambda: self.double)
        self.traffic = Traffic()

    def begin(self, asked: Request | None = None) -> Deferred[Any]:
        work = self.engines.compile(self.engine, asked or request(), GCC, None, self.traffic)
        job = Deferred.fromCoroutine(work)
        settle(self.clock)
        return job

    def compile(self, asked: Request | None = None) -> Any:
        job = self.begin(asked)
        settle(self.clock, 1)
        return self.successResultOf(job)

    def fault(self) -> HostError:
        job = self.begin()
        settle(self.clock, 1)
        return self.failureResultOf(job, HostError).value  # type: ignore[no-any-return]


class JobTests(EngineTestCase):
    def test_reply(self) -> None:
        """The outputs have their names, and come along with the result or are fetched."""
        self.double.run = lambda command, action: result(stderr_raw=b"w.c:1: warning\n")
        reply = self.compile()
        self.assertEqual(
            (reply.status, reply.stderr.read(), reply.stdout.read()), (0, b"w.c:1: warning\n", b"")
        )
        self.assertEqual(reply.outputs[OBJECT].read(), b"OBJECT")
        self.assertEqual(reply.outputs[DEPENDENCIES].read(), b"w.o: w.c\n")
        self.double.blobs |= {BlobName.of(data).digest.hex(): data for data in (b"LARGE", b"said")}
        fetched = schema.ActionResult(exit_code=1, stderr_digest=BlobName.of(b"said").message())
        fetched.output_files.add(path=".tdistcc-0/output.o", digest=BlobName.of(b"LARGE").message())
        self.double.run = lambda command, action: fetched
        reply = self.compile(request(source=b"int b;"))
        self.assertEqual((reply.status, reply.stderr.read()), (256, b"said"))
        self.assertEqual(reply.outputs[OBJECT].read(), b"LARGE")

    def test_more_outputs(self) -> None:
        """All files that a command makes are found in its folders, and come in their order."""
        made = {"w.o": b"OBJECT", "w.su": b"", "w.d": b"w.o: w.c\n"}
        self.double.run = lambda command, action: self.double.left(command, action, made)
        asked = request("gcc -fstack-usage -MD -c w.c -o w.o")
        outputs = {name: body.read() for name, body in self.compile(asked).outputs.items()}
        self.assertEqual(
            list(outputs.items()), [("/src/w.su", b""), (DEPENDENCIES, made["w.d"]), (OBJECT, b"OBJECT")]
        )

    def test_unforeseen(self) -> None:
        """A file that was not foreseen is named in place of all outputs; a failed compile has none."""
        made = {"w.o": b"OBJECT", "w.su": b"", "w.gcno": b"notes"}
        self.double.run = lambda command, action: self.double.left(command, action, made)
        outputs = self.compile(request("gcc -fstack-usage -c w.c -o w.o")).outputs
        self.assertEqual({name: body.read() for name, body in outputs.items()}, {"/src/w.gcno": b""})
        self.double.run = lambda command, action: schema.ActionResult(exit_code=1)
        self.assertEqual(self.compile(request("gcc --coverage -c w.c -o w.o")).outputs, {})

    def test_killed(self) -> None:
        """A compiler that was killed, as for its memory, has not judged the source."""
        self.double.run = lambda command, action: schema.ActionResult(exit_code=137)
        status = self.compile().status
        self.assertTrue(os.WIFSIGNALED(status))
        self.assertEqual(os.WTERMSIG(status), 9)

    def test_action(self) -> None:
        """The action has the command of our server, our environment, and our paths below its root."""
        seen: list[Any] = []
        self.double.run = lambda command, action: seen.append((command, action)) or result()
        self.compile()
        [(command, action)] = seen
        self.assertEqual(command.arguments[0], "/usr/bin/gcc")
        self.assertEqual(list(command.arguments[-2:]), ["-o", "/src/.tdistcc-0/output.o"])
        told = {one.name: one.value for one in command.environment_variables}
        self.assertEqual(
            told,
            {"LC_ALL": "C", "PATH": "/usr/bin", "PWD": "/src", "TMPDIR": "/src/.tdistcc-0"},
        )
        self.assertEqual(command.working_directory, "src")
        self.assertEqual(list(command.output_paths), list(command.output_files))
        root = self.double.blobs[action.input_root_digest.hash]
        for name in (b"src", b"usr", b"bin"):
            self.assertIn(name, root)
        self.assertFalse(action.do_not_cache)

    def test_sent_once(self) -> None:
        """Jobs that begin together are one question, and what is there is neither asked for nor sent."""
        jobs = [
            Deferred.fromCoroutine(
                self.engines.compile(
                    self.engine, request(source=b"int a%d;" % n), GCC, None, self.traffic
                )
            )
            for n in range(5)
        ]
        settle(self.clock)
        for job in jobs:
            self.successResultOf(job)
        self.assertEqual(self.double.asked["FindMissingBlobs"], 1)
        sent = self.traffic.sent
        self.assertGreater(sent, 0)
        self.compile()
        self.compile()
        self.assertEqual(self.double.asked["FindMissingBlobs"], 2)
        self.assertLess(self.traffic.sent - sent, sent)

    def test_kept(self) -> None:
        """A result that was kept is one question, from whoever has nothing there; nothing is sent."""
        self.compile()
        self.traffic = Traffic()
        self.engines = Engines(self.clock, self.toolchains, lambda: 0.5)
        before = self.double.asked.copy()
        reply = self.compile()
        self.assertEqual(reply.outputs[OBJECT].read(), b"OBJECT")
        self.assertEqual(self.double.asked - before, {"GetActionResult": 1})
        self.assertEqual(self.traffic.sent, 0)

    def test_kept_without_outputs(self) -> None:
        """A result whose outputs are gone is none: the action runs again."""
        lost = schema.ActionResult()
        lost.output_files.add(path=".tdistcc-0/output.o", digest=BlobName.of(b"LOST").message())
        self.double.run = lambda command, action: lost
        self.assertIsInstance(self.fault(), RefusedByHostError)
        self.double.run = lambda command, action: result()
        self.assertEqual(self.compile().outputs[OBJECT].read(), b"OBJECT")

    def test_no_cache(self) -> None:
        """An engine that shows us no results that it has kept may still run actions."""
        for code in (Code.PERMISSION_DENIED, Code.UNIMPLEMENTED):
            self.double.script["GetActionResult"] = [Fault(code, "not for you")]
            self.assertEqual(self.compile().status, 0)
        self.assertEqual(self.double.asked["Execute"], 2)

    def test_cached_failure(self) -> None:
        """A failure that was kept is not believed: the action runs again."""
        self.double.run = lambda command, action: result(exit_code=1)
        self.assertEqual(self.compile().status, 256)
        self.double.run = lambda command, action: result()
        self.assertEqual(self.compile().status, 0)
        self.assertEqual(self.double.asked["Execute"], 3)

    def test_forgotten(self) -> None:
        """An engine that lost what it had is sent everything again, once, whatever it calls that."""
        self.compile()
        for code in (Code.INTERNAL, Code.FAILED_PRECONDITION, Code.NOT_FOUND):
            self.double.blobs.clear()
            self.double.blobs[BlobName.of(b"ELF").digest.hex()] = b"ELF"
            self.double.results.clear()
            self.double.script["Execute"] = [Fault(code, "missing")]
            self.assertEqual(self.compile().status, 0, code)

    def test_busy(self) -> None:
        """An engine without workers is asked again a little later."""
        for code in (Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED):
            self.double.results.clear()
            self.double.script["Execute"] = [Fault(code, "no workers")]
            job = self.begin()
            self.assertNoResult(job)
            settle(self.clock, 0.5)
            self.successResultOf(job)

    def test_faults(self) -> None:
        """What an engine says twice, or says for good, is a fault of a kind that the client knows."""
        kinds = {
            Code.UNAVAILABLE: (CannotConnectError, Scope.HOST, 2),
            Code.INTERNAL: (RefusedByHostError, Scope.HOST, 2),
            Code.INVALID_ARGUMENT: (RefusedByHostError, Scope.JOB, 2),
            Code.UNAUTHENTICATED: (UntrustedError, Scope.HOST, 1),
            Code.PERMISSION_DENIED: (UntrustedError, Scope.HOST, 1),
            Code.DEADLINE_EXCEEDED: (SlowHostError, Scope.HOST, 1),
        }
        for code, (kind, scope, times) in kinds.items():
            before = self.double.asked["Execute"]
            self.double.script["Execute"] = [Fault(code, "so\x1b[31m"), Fault(code, "so")]
            fault = self.fault()
            self.assertIsInstance(fault, kind)
            self.assertEqual((fault.scope, self.double.asked["Execute"] - before), (scope, times))
            self.assertNotIn("\x1b", str(fault))
            self.double.script.clear()

    def test_statuses_in_answers(self) -> None:
        """A fault may be in the status of the call, of the job, or of its result."""
        response = schema.ExecuteResponse()
        response.status.code, response.status.message = Code.PERMISSION_DENIED, "not you"
        failed = schema.Operation(done=True)
        failed.error.code = Code.PERMISSION_DENIED
        self.double.script["Execute"] = [operation(response), failed]
        for _ in range(2):
            self.assertIsInstance(self.fault(), UntrustedError)

    def test_breaches(self) -> None:
        """An answer that no compile can have had is none, and harms nobody."""
        stranger = schema.ActionResult()
        stranger.output_files.add(path="../../root/.bashrc", contents=b"x")
        twice = result()
        twice.output_files.add(path=".tdistcc-0/output.o", contents=b"x")
        lie = schema.ActionResult()
        lie.output_files.add(
            path=".tdistcc-0/output.o", digest=BlobName.of(b"OBJECT").message(), contents=b"OBJECTION"
        )
        huge = schema.ActionResult(stderr_digest=schema.Digest(hash="0" * 64, size_bytes=1 << 40))
        negative = schema.ActionResult(stderr_digest=schema.Digest(hash="0" * 64, size_bytes=-1))
        answers = [done(one) for one in (stranger, twice, lie, huge, negative)]
        answers += [done(schema.ActionResult(exit_code=code)) for code in (-9, 256, 1 << 30)]
        answers += [
            operation(schema.ExecuteResponse(), "x.Other"),
            b"\xff\xff\xff",
            done(result(), status=None),
        ]
        for answer in answers[:-1]:
            self.double.script["Execute"] = [answer]
            self.assertIsInstance(self.fault(), BadReplyError, answer)
        self.assertEqual(self.compile().status, 0)

    def test_no_result(self) -> None:
        """News that end without a result are a fault, after another try."""
        self.double.script["Execute"] = [[schema.Operation(name="a")], []]
        self.assertIsInstance(self.fault(), CannotConnectError)

    def test_cancelled(self) -> None:
        """A job that nobody waits for is cancelled at the engine, and what is there stays known."""
        self.double.script["Execute"] = [Begun(schema.Operation(name="operations/7"))]
        job = self.begin()
        job.cancel()
        self.failureResultOf(job, CancelledError)
        settle(self.clock)
        self.assertEqual(self.double.cancelled, ["operations/7"])
        self.assertEqual(self.compile().status, 0)

    def test_lost(self) -> None:
        """A connection that is lost in the middle is made again."""
        self.double.script["Execute"] = [HANG]
        job = self.begin()
        self.double.transports[0].abortConnection()
        settle(self.clock)
        settle(self.clock, 1)
        self.assertEqual(self.successResultOf(job).status, 0)
        self.assertEqual(len(self.double.transports), 2)

    def test_times(self) -> None:
        """What an engine says of times is believed if it can be."""
        told = result()
        told.execution_metadata.queued_timestamp.seconds = 100
        told.execution_metadata.worker_start_timestamp.seconds = 102
        told.execution_metadata.worker_completed_timestamp.seconds = 5
        self.double.run = lambda command, action: told
        timing = self.compile().timing
        self.assertEqual((timing.waited, timing.ran), (2, 0))

    def test_text(self) -> None:
        """Preprocessed text is not for an engine."""
        text = Request((b"gcc", b"-c", b"w.i"), Body.of(b"int a;"))
        self.failureResultOf(self.begin(text), LackingHostError)


class LikenessTests(EngineTestCase):
    def likeness(self) -> Deferred[Likeness]:
        asked = Deferred.fromCoroutine(self.engines.likeness(self.engine, GCC, DIGEST, None))
        settle(self.clock)
        return asked

    def test_hermetic(self) -> None:
        """An engine is exact if its root is ours: the probe compiles there, and says where it was."""
        seen: list[Any] = []

        def run(command: Any, action: Any) -> Any:
            seen.append((command, action))
            return self.double.left(command, action, {**PROBED, "../out/x.su": b""})

        self.double.run = run
        self.assertIs(self.successResultOf(self.likeness()), Likeness.HERMETIC)
        [(command, action)] = seen
        self.assertTrue(action.do_not_cache)
        self.assertEqual(command.working_directory, ".tdistcc-probe/here")
        self.successResultOf(self.likeness())
        self.assertEqual(len(seen), 2)  # never a result that was kept

    def test_small_batches(self) -> None:
        """An engine that takes little at a time gets no more."""
        told = self.double._GetCapabilities([])
        told.cache_capabilities.max_batch_total_size_bytes = 400
        self.double.script["GetCapabilities"] = [told]
        self.double.run = lambda command, action: self.double.left(command, action, PROBED)
        self.successResultOf(self.likeness())
        self.assertGreater(self.double.asked["Write"], 0)
        self.assertGreater(self.double.asked["BatchUpdateBlobs"], 3)

    def test_another_root(self) -> None:
        """Probes that fail, complain, or were in another folder show another root."""
        for left in (
            schema.ActionResult(exit_code=1),
            result(b"/.tdistcc-probe/here", b"", stderr_raw=b"warning"),
            result(b"/worker/.tdistcc", b""),
            schema.ActionResult(),
        ):
            self.double.run = lambda command, action, left=left: (
                schema.ActionResult() if command.output_directories else left
            )
            self.failureResultOf(self.likeness(), AnotherCompilerError)
            self.assertEqual(self.double.asked["Execute"], 2)
            self.setUp()

    def test_not_stored(self) -> None:
        """An engine that does not take what it is sent has said nothing of its root."""
        self.double.script["BatchUpdateBlobs"] = [Fault(Code.INTERNAL, "no space left")] * 2
        fault = self.failureResultOf(self.likeness(), RefusedByHostError)
        self.assertIn("no space left", str(fault.value))

    def test_files_alone(self) -> None:
        """An engine that does not return folders, or not all of them, makes objects all the same."""

        def forgetful(command: Any, action: Any) -> Any:
            action.input_root_digest.CopyFrom(self.empty(command))
            return self.double.left(command, action, PROBED)

        for run in (
            lambda command, action: schema.ActionResult(),
            lambda command, action: self.double.left(command, action, {**PROBED, "core": b""}),
            forgetful,
            lambda command, action: Fault(Code.INVALID_ARGUMENT, "a path is a folder"),
        ):
            self.double.run = lambda command, action, run=run: (
                run(command, action)
                if command.output_directories
                else result(b"/.tdistcc-probe/here", b"")
            )
            self.assertIs(self.successResultOf(self.likeness()), Likeness.EXACT)
            self.setUp()

    def empty(self, command: Any) -> Any:
        """Return a root in which there is nothing but the working directory."""
        made = merkle((), (), [f"/{command.working_directory}".encode()])
        self.double.blobs |= {digest.hex(): data for digest, data in made.nodes.items()}
        return BlobName(made.root, len(made.nodes[made.root])).message()

    def test_forgetful(self) -> None:
        """An engine that has lost what it had is not taken for one with another root."""
        self.double.run = lambda command, action: self.double.left(command, action, PROBED)
        self.successResultOf(self.likeness())
        self.double.blobs.clear()
        self.double.script["FindMissingBlobs"] = []
        self.double.blobs[BlobName.of(b"ELF").digest.hex()] = b"ELF"
        self.assertIs(self.successResultOf(self.likeness()), Likeness.HERMETIC)

    def test_no_execution(self) -> None:
        """An engine that runs nothing, or not by SHA-256, says so."""
        for fields in ({}, {"exec_enabled": True, "digest_function": 2}):
            told = schema.ServerCapabilities()
            for name, value in fields.items():
                setattr(told.execution_capabilities, name, value)
            self.double.script["GetCapabilities"] = [told]
            self.failureResultOf(self.likeness(), RefusedByHostError)

    def test_no_compiler(self) -> None:
        """A compiler that is not one by itself cannot be sent."""
        self.tree = None  # type: ignore[assignment]
        self.failureResultOf(self.likeness(), AnotherCompilerError)

    def test_probe(self) -> None:
        """The probe is in the language of its compiler."""
        for name, source in (("gcc", b"/.tdistcc-probe/x.c"), ("clang++", b"/.tdistcc-probe/x.cc")):
            tree = probe_request(replace(GCC, name=name), DIGEST).tree
            assert tree is not None
            self.assertEqual(tree.entries[0].name, source)
