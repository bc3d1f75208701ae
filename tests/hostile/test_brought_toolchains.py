"""Toolchains of clients that mean harm: they see, reach and leave no more than an exploited compiler."""

from __future__ import annotations

import re
from dataclasses import replace

from twisted.internet.defer import Deferred, gatherResults

from tests.hostile import test_bombs, test_exploits
from tests.hostile.attack import ATTACKER, files_in
from tests.hostile.brought import (
    GCC,
    BroughtTestCase,
    bring,
    exploited,
    request_of,
    session_with,
    toolchain,
)
from twisted_distcc.client.journal.unit_traffic import Traffic
from twisted_distcc.errors import EXIT_TIMEOUT

AS_TYPED = (GCC.encode(), b"-fstack-usage", b"-c", b"attack.c", b"-o", b"attack.o")
SCRIPT = b"#!/bin/sh\ncat /etc/passwd >&2; exit 1\n"


class BroughtSightTests(BroughtTestCase):
    async def test_files(self) -> None:
        """Nothing of the machine is there: no file that all may read, no shell, no other job's."""
        server = await self.serve_exploited()
        deeds = test_exploits.read_all(server)
        said = await self.assert_denied(server, *deeds, "read /usr/bin/g++", "read /bin/sh")
        self.assertEqual(said.count("No such file or directory"), len(deeds) + 2, said)
        said = (await self.attack(server, "list /dev", "list /usr/bin", "list /")).stderr
        self.assertEqual(test_exploits.names_in("/dev", said), {"null", "urandom"})
        self.assertEqual(test_exploits.names_in("/usr/bin", said), {"gcc"})
        self.assertLessEqual(
            test_exploits.names_in("", said), {"usr", "dev", "attack", ".job-0", ".trees"}
        )

    async def test_nothing_is_left(self) -> None:
        """When it is over there is nothing of the job but what it has brought."""
        server = await self.serve_exploited()
        deeds = ("fork 3", "write /.job-0/here")
        await self.attack(server, *deeds)
        before = set(files_in(server.temporary))
        await self.attack(server, *deeds)
        self.assertEqual(set(files_in(server.temporary)), before)
        self.assertNotIn("here", {path.name for path in before})


class BroughtOnceTests(BroughtTestCase):
    async def test_at_once(self) -> None:
        """However many jobs bring a toolchain at once, it is sent once."""
        server = await self.serve("--sandbox=require", "--jobs=4", "--policy", self.policy())
        program, traffic = exploited(), Traffic()
        session = await session_with(server)
        self.addCleanup(session.close)
        request = replace(request_of("exit 0"), tools=toolchain({GCC: program}))
        folder = str(server.temporary)
        jobs = [session.compile(request, folder, None, traffic) for _ in range(4)]
        for reply in await gatherResults(map(Deferred.fromCoroutine, jobs)):
            self.assertEqual(reply.status, 0)
            reply.discard()
        self.assertLess(traffic.sent, 1.5 * len(program))


class BroughtReachTests(BroughtTestCase, test_exploits.ReachTests):
    async def test_what_there_is_one_of_without_walls(self) -> None:
        """Where there is no sandbox, nobody's toolchain runs."""
        server = await self.serve("--sandbox=off", "--policy", self.policy())
        answer = await bring(server, toolchain({GCC: exploited()}), "exit 1")
        self.assertRegex(str(answer), "takes no toolchains from this client: it has no jail")

    async def test_programs(self) -> None:
        """What it has brought as a toolchain can be executed, and nothing else that it has."""
        server = await self.serve_exploited()
        own, copy = "/.job-0/own", f"copy {GCC} /.job-0/own"
        said = (await self.attack(server, copy, f"run {GCC}", f"load {GCC}", f"read {own}")).stderr
        self.assertEqual(said.count(": DONE\n"), 4, said)
        files = (own, "/attack/attack.c", "/dev/null")
        deeds = [f"{deed} {file}" for deed in ("run", "load") for file in files]
        said = (await self.attack(server, copy, *deeds)).stderr
        self.assertEqual(said.count(": Permission denied\n"), 3, said)
        self.assertEqual(said.count(": Operation not permitted\n"), 3, said)
        self.assertEqual(said.count("DONE\n"), 1, said)

    async def test_writing(self) -> None:
        """What it has brought cannot be changed, nor anything but its own folder."""
        server = await self.serve_exploited()
        paths = ("/new", GCC, "/usr/bin/new", "/etc/new", "/dev/new", "new", "attack.c", "/attack/new")
        await self.assert_denied(server, *(f"write {path}" for path in paths))
        answer = await self.attack(server, "write /.job-0/here")
        self.assertIn("write /.job-0/here: DONE", answer.stderr)


class BroughtOutputTests(BroughtTestCase):
    async def test_leavings(self) -> None:
        """A job that may make more than an object changes its own folders, and nothing else."""
        server = await self.serve_exploited()
        deeds = (f"write {GCC}", "write /usr/bin/new", f"copy {GCC} /attack/own", "run /attack/own")
        answer = await self.attack(server, *deeds, "load /attack/own", words=AS_TYPED)
        self.assertRegex(answer.stderr, f"write {GCC}: Permission denied")
        self.assertRegex(answer.stderr, "write /usr/bin/new: Read-only file system")
        self.assertRegex(answer.stderr, "run /attack/own: Permission denied")
        self.assertRegex(answer.stderr, "load /attack/own: Operation not permitted")
        self.assertEqual((answer.exit_code, answer.object_file), (0, b""))  # one file was not foreseen
        said = (await self.attack(server, "list /usr/bin", "list /attack", words=AS_TYPED)).stderr
        self.assertEqual(test_exploits.names_in("/usr/bin", said), {"gcc"})
        self.assertEqual(test_exploits.names_in("/attack", said), {"attack.c", "attack.o"})


class BroughtBombTests(BroughtTestCase):
    async def test_limits(self) -> None:
        """Memory, processes, processor time and sleep are bounded as for any compiler."""
        server = await self.serve_exploited(*test_bombs.SMALL)
        for deed, why in (
            ("memory 400", "Cannot allocate memory"),
            ("fork 500", "Resource temporarily unavailable"),
        ):
            answer = await self.attack(server, deed)
            self.assertIn(f"{deed}: {why}", answer.stderr)
        self.assertEqual((await self.attack(server, "spin deaf")).exit_code, 128 + 9)
        answer = await self.attack(await self.serve_exploited("--job-lifetime=3"), "pause")
        self.assertEqual(answer.exit_code, EXIT_TIMEOUT)
        self.assertIn("the most that this server allows", answer.stderr)


class BadToolchainTests(BroughtTestCase):
    async def test_refused(self) -> None:
        """What is no toolchain is refused in plain words, and an honest job beside it is served."""
        server = await self.serve_exploited()
        program = exploited()
        elsewhere = program[:18] + bytes([program[18] ^ 0x5A]) + program[19:]
        for tools, why in (
            (toolchain({GCC: SCRIPT}), "no program for this server's processor"),
            (toolchain({GCC: elsewhere}), "no program for this server's processor"),
            (toolchain({"/usr/bin/cc": program}), "does not have its compiler"),
            (toolchain({}, {GCC: "/etc/passwd"}), "does not have its compiler"),
            (toolchain({}, {GCC: "gcc"}), "in a circle"),
            (toolchain({GCC: program}, {"/usr/lib": "/", "/usr/loop": "loop"}), ""),
            (toolchain({GCC: program, "/dev/null": b""}), "where this server has its devices"),
            (toolchain({GCC: program, "/proc/self/exe": b""}), "where this server has its devices"),
            (toolchain({GCC: program, "/.job-0/x": b""}), "where this server has folders of its own"),
            (toolchain({GCC: program, "/.trees/x": b""}), "where this server has folders of its own"),
            (toolchain({GCC: program, **{f"/a/{n}": b"" for n in range(10_001)}}), "than 10000 files"),
            (toolchain({GCC: program, **{f"/a/{n}/a": b"" for n in range(1001)}}), "than 1000 folders"),
        ):
            answer = await bring(server, tools, "exit 1")
            if why:
                self.assertRegex(str(answer), re.escape(why))
            await self.honest(server)

    async def test_unwanted(self) -> None:
        """Where a rule allows none, the job is refused before anything is sent."""
        server = await self.serve("--sandbox=require", "--policy", self.policy("none"))
        answer = await bring(server, toolchain({GCC: exploited()}), "exit 1")
        self.assertIn('its rule says `toolchains = "none"`', str(answer))
        self.assertEqual([one.name for one in files_in(server.temporary) if one.stat().st_size], [])

    async def test_no_compile(self) -> None:
        """A toolchain that comes with something else than a compile is not even asked for."""
        server = await self.serve("--sandbox=require", "--policy", self.policy("none"))
        for words in (
            (b"twisted-distccd", b"about", b"gcc"),
            (b"twisted-distccd", b"status"),
            (b"env",),
        ):
            answer = await bring(server, toolchain({GCC: exploited()}), words=words)
            self.assertIsInstance(answer, str, words)
        self.assertEqual([one.name for one in files_in(server.temporary) if one.stat().st_size], [])

    async def test_links(self) -> None:
        """A link of a toolchain leads nowhere but within the job's own root."""
        server = await self.serve_exploited()
        links = {"/etc": "/../../root/etc", "/usr/host": "../../../../..", "/usr/bin/sh": "/bin/sh"}
        tools = toolchain({GCC: exploited()}, links)
        deeds = ("read /etc/passwd", "read /usr/host/root/.", "read /usr/bin/sh")
        answer = await bring(server, tools, *deeds)
        self.assertEqual(str(answer).count("No such file or directory"), 3, answer)

    async def test_names_of_the_job(self) -> None:
        """A toolchain that has the names of the client's own files hides only these, from itself."""
        server = await self.serve_exploited()
        tools = toolchain({GCC: exploited(), "/attack/attack.c": b"list /\nexit 1\n", "/tmp": b""})
        answer = await bring(server, tools, "read /etc/passwd")
        self.assertNotIn("DONE\nread", str(answer))
        await self.honest(server)

    async def test_what_others_have(self) -> None:
        """Whoever knows the digest of another's toolchain does not get it without bringing it."""
        server = await self.serve_exploited()
        tools = toolchain({GCC: exploited()})
        self.assertRegex(str(await bring(server, tools, "list /usr")), "DONE")
        guessed = type(tools)(tools.root)  # without what is in it
        self.assertRegex(str(await bring(server, guessed, "list /usr")), "DONE")
        answer = await bring(server, guessed, "list /usr", host=ATTACKER)
        self.assertRegex(str(answer), "does not have")
        nobodys = type(tools)(bytes(32))
        self.assertEqual(await bring(server, nobodys, "list /usr", host=ATTACKER), answer)

    async def test_shared(self) -> None:
        """Where the policy shares, others get it by its digest; those for whom it does not, do not."""
        for sharing, answered in (("tcp:127.0.0.*", "DONE"), ("tcp:127.0.0.1", "does not have")):
            policy = self.policy(sharing=sharing)
            server = await self.serve("--sandbox=require", "--allow=127.0.0.2", "--policy", policy)
            tools = toolchain({GCC: exploited()})
            self.assertRegex(str(await bring(server, tools, "list /usr")), "DONE")
            guessed = type(tools)(tools.root)
            answer = await bring(server, guessed, "list /usr", host=ATTACKER)
            self.assertRegex(str(answer), answered)
            self.assertRegex(str(await bring(server, tools, "list /usr", host=ATTACKER)), "DONE")
