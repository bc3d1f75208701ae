"""Plugins of clients that mean harm: in the compiler's own process they see, reach and leave nothing."""

from __future__ import annotations

import functools
import os
import subprocess
from dataclasses import replace
from pathlib import Path

from twisted.internet.defer import Deferred, gatherResults

from tests.hostile import test_bombs, test_exploits
from tests.hostile.attack import files_in
from tests.hostile.brought import BroughtTestCase, bring, request_of, session_with
from tests.hostile.exploits import compilers
from tests.hostile.test_leavings import processes
from tests.live import LiveServer
from tests.server.talk import Answer, answered
from twisted_distcc.client.backends.brought_tools import tools_of
from twisted_distcc.cmdline.compilation import Language
from twisted_distcc.content.local_content import LocalContent
from twisted_distcc.errors import EXIT_TIMEOUT
from twisted_distcc.jobs.model import InputFile, Tools
from twisted_distcc.toolchain.known_toolchains import toolchain_in
from twisted_distcc.toolchain.plugin_files import plugin_tree
from twisted_distcc.toolchain.travelling_tree import TravellingTree, travelling_tree

GCC = "/usr/bin/gcc"
WRAPPED = """
#define main exploited
#include "{}"
#undef main
int plugin_is_GPL_compatible;
int plugin_init(void *arguments, void *version) {{
    char *words[] = {{"gcc", "-c", "/attack/attack.c", "-o", "/attack/attack.o", 0}};
    exit(exploited(5, words));
}}
"""


@functools.cache
def plugin() -> Path:
    """Return a plugin that does what the source says."""
    path = compilers() / "exploited.so"
    source = WRAPPED.format(Path(__file__).with_name("exploited.c"))
    argv = ["/usr/bin/gcc", "-O1", "-w", "-shared", "-fPIC", "-x", "c", "-", "-o", str(path)]
    subprocess.run(argv, input=source.encode(), check=True)
    return path


@functools.cache
def gcc() -> TravellingTree:
    """Return the files of gcc."""
    return travelling_tree(toolchain_in(GCC, {}), Language.C, {})


@functools.cache
def loading() -> Tools:
    """Return gcc with the plugin."""
    return tools_of(gcc().joined(plugin_tree([str(plugin())], GCC, gcc(), {})))


def words(path: str | Path | None = None) -> tuple[bytes, ...]:
    """Return a command that loads the plugin, or what is at another path."""
    named = os.fsencode(path or plugin())
    return (GCC.encode(), b"-fplugin=" + named, b"-c", b"attack.c", b"-o", b"attack.o")


class PluginTestCase(BroughtTestCase):
    """Servers that let compilers load what clients bring, and have an honest compiler as well."""

    def policy(self, toolchains: str = "any", *, programs: bool = True) -> str:
        """Return the path of a policy by which all may bring `toolchains`, and plugins."""
        path = super().policy(toolchains)
        with open(path, "a") as file:
            file.write(f"programs = {str(programs).lower()}\n")
        return path

    async def attack(self, server: LiveServer, *deeds: str) -> Answer:
        """Have the deeds done by a plugin of the real gcc, beside an honest job."""
        answers = await gatherResults(
            [
                Deferred.fromCoroutine(bring(server, loading(), *deeds, words=words())),
                Deferred.fromCoroutine(self.honest(server)),
            ],
            consumeErrors=True,
        )
        answer = answers[0]
        assert isinstance(answer, Answer), answer
        return answer


class PluginReachTests(PluginTestCase):
    async def test_reach(self) -> None:
        """It sees no file, process or network of the machine, becomes nobody, and runs nothing else."""
        server = await self.serve_exploited()
        reads = test_exploits.read_all(server)
        said = await self.assert_denied(server, *reads, "read /bin/sh", "read /usr/bin/g++")
        self.assertEqual(said.count("No such file or directory"), len(reads) + 2, said)
        pids = (server.pid, os.getpid(), os.getppid())
        others = [f"{deed} {pid}" for deed in ("kill", "ptrace", "peek") for pid in pids]
        sockets = [f"socket {one}" for one in test_exploits.SOCKETS]
        await self.assert_denied(server, *sockets, "socketpair", *others, *test_exploits.STOCKS)
        rights = ("setuid", "setgroups", "mount", "remount", "unshare", "privileged", "nice")
        await self.assert_denied(server, *rights)
        self.assertFalse(server.has_ended())

    async def test_programs(self) -> None:
        """It runs and loads what was brought as a program, and nothing that it has made or was sent."""
        server = await self.serve_exploited()
        made, copy = "/attack/made", f"copy {GCC} /attack/made"
        deeds = [f"{deed} {file}" for deed in ("run", "load") for file in (made, "/attack/attack.c")]
        said = (await self.attack(server, copy, *deeds, f"load {GCC}", f"write {plugin()}")).stderr
        self.assertIn(f"{copy}: DONE\n", said)
        self.assertIn(f"load {GCC}: DONE\n", said)
        self.assertEqual(said.count(": DONE\n"), 2, said)
        self.assertIn(f"write {plugin()}: Permission denied\n", said)

    async def test_leavings(self) -> None:
        """What it makes is told by name, and not sent; no file and no process of it stays."""
        server = await self.serve_exploited()
        deeds = ("write /attack/found", "daemon plugged-in")
        self.assertIn("daemon plugged-in: DONE", (await self.attack(server, *deeds)).stderr)
        before = set(files_in(server.temporary))
        session = await session_with(server)
        self.addCleanup(session.close)
        request = replace(request_of(*deeds), arguments=words(), tools=loading())
        reply = await session.compile(request, str(server.temporary))
        self.assertEqual({name: one.length for name, one in reply.outputs.items()}, {"/attack/found": 0})
        reply.discard()
        self.assertEqual(processes("plugged-in"), [])
        self.assertEqual(set(files_in(server.temporary)), before)

    async def test_bombs(self) -> None:
        """Memory, processes, processor time and sleep are bounded as for any compiler."""
        server = await self.serve_exploited(*test_bombs.SMALL, "--job-lifetime=3")
        answer = await self.attack(server, "memory 400", "fork 500")
        self.assertIn("memory 400: Cannot allocate memory", answer.stderr)
        self.assertIn("fork 500: Resource temporarily unavailable", answer.stderr)
        self.assertNotEqual((await self.attack(server, "spin deaf")).exit_code, 0)
        self.assertEqual((await self.attack(server, "pause")).exit_code, EXIT_TIMEOUT)


class UnwantedPluginTests(PluginTestCase):
    async def refused(self, server: LiveServer, why: str, path: str | Path | None = None) -> None:
        """Check that nothing is done, for a reason, while an honest job is."""
        answer = await bring(server, loading(), "write /attack/found", words=words(path))
        said = answer if isinstance(answer, str) else answer.stderr
        self.assertIn(why, said)
        self.assertNotIn("DONE", said)
        await self.honest(server)

    async def test_by_rule(self) -> None:
        """A rule that lets toolchains come lets them load nothing, unless it says so, too."""
        server = await self.serve("--sandbox=require", "--policy", self.policy(programs=False))
        await self.refused(server, "no rule says `programs = true`")
        server = await self.serve("--sandbox=require", "--policy", self.policy("none"))
        await self.refused(server, 'its rule says `toolchains = "none"`')
        server = await self.serve("--sandbox=off", "--policy", self.policy())
        await self.refused(server, "it has no jail")

    async def test_what_was_not_brought(self) -> None:
        """No file of the server's is loaded, nor of the job's own, but those that came as programs."""
        server = await self.serve_exploited()
        theirs = compilers() / "theirs.so"
        theirs.write_bytes(plugin().read_bytes())
        theirs.chmod(0o755)
        await self.refused(server, "cannot open shared object file", theirs)
        session = await session_with(server)
        self.addCleanup(session.close)
        request = request_of("write /attack/found")
        assert request.tree is not None
        own = InputFile(b"/attack/own", LocalContent(plugin().read_bytes()))
        tree = replace(request.tree, entries=(*request.tree.entries, own))
        request = replace(request, arguments=words("./own"), tree=tree, tools=loading())
        answer = answered(await session.compile(request, str(server.temporary)))
        self.assertIn("cannot load plugin ./own", answer.stderr)
        self.assertNotIn("DONE", answer.stderr)

    async def test_without_a_toolchain(self) -> None:
        """The server's own compiler loads nothing, whatever the rules say."""
        server = await self.serve("--sandbox=require", "--policy", self.policy())
        session = await session_with(server)
        self.addCleanup(session.close)
        request = replace(request_of("write /attack/found"), arguments=words())
        answer = answered(await session.compile(request, str(server.temporary)))
        self.assertIn("loads code into the compiler", answer.stderr)
