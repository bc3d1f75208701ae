"""Real compiles through real agents and our server, also when an agent dies, and on Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
from signal import SIGINT, SIGKILL, SIGTERM

from tests.agent.farm import PREPROCESSING, FarmTestCase
from tests.agent.home import opened
from tests.live import Child, LiveServer, until

REMOTE = ("gcc", "-c", "hello.c", "-o", "hello.o")
# tdistcc as its script has it; in the end it tells which modules it imported.
WATCHED = """
import os, sys
before = set(sys.modules)
end = os._exit
def tell(status):
    print(*sorted(set(sys.modules) - before))
    sys.stdout.flush()
    end(status)
os._exit = tell
from twisted_distcc.cli.tdistcc import main
main(["tdistcc", *sys.argv[1:]])
"""

LASTS_UNTIL_THE_AGENT_DIES = """\
if [ ! -e {mark} ]; then
    case " $* " in *' -E -o '*) echo $$ >> {log}; exec sleep 1000;; esac
fi
exec /usr/bin/gcc "$@"
"""


class CompileTests(FarmTestCase):
    async def test_an_object(self) -> None:
        """A compile is done by the server, and its object is what a local compile makes."""
        server = await self.farm()
        await self.compiles()
        self.assertEqual(len(server.jobs), 1)
        self.agent()

    async def test_without_an_agent(self) -> None:
        """DISTCC_AGENT=0 does the same work in the one process."""
        server = await self.farm()
        await self.compiles(DISTCC_AGENT="0")
        self.assertEqual(len(server.jobs), 1)
        self.assertEqual(self.agents(), [])

    async def test_both_ways_say_the_same(self) -> None:
        """Rules, warnings and errors are the same with an agent and without."""
        await self.farm()
        (self.work / "warns.c").write_text("#warning careful\nint f(void) { int unused; return 0; }\n")
        (self.work / "fails.c").write_text("int f(void) { return x; }\n")
        for argv in (("-Wall", "-MD", "-c", "warns.c"), ("-c", "fails.c"), ("-E", "hello.c")):
            ways = [await self.told(*argv, way=way) for way in ("1", "0")]
            self.assertEqual(ways[0], ways[1], argv)
        self.assertEqual(ways[0][0], 0)

    async def told(self, *argv: str, way: str) -> tuple[object, ...]:
        for name in ("warns.o", "warns.d"):
            (self.work / name).unlink(missing_ok=True)
        child = self.tdistcc("gcc", *argv, DISTCC_AGENT=way, DISTCC_SKIP_LOCAL_RETRY="1")
        status = await child.ended()
        files = {path.name: path.read_bytes() for path in self.work.iterdir()}
        return status, child.stdout, child.stderr, files

    async def test_errors_are_the_compilers_own(self) -> None:
        """An error in the source is told once, by the compiler here, with its exit status."""
        await self.farm()
        self.environ["DISTCC_FALLBACK"] = "1"
        (self.work / "fails.c").write_text("int f(void) { return x; }\n")
        child = self.tdistcc("gcc", "-c", "fails.c")
        self.assertEqual(await child.ended(), 1)
        self.assertEqual(child.stderr.count("undeclared (first use"), 1, child.stderr)
        self.assertNotIn("tdistcc", child.stderr)

    async def test_many_at_once(self) -> None:
        """Twelve compiles at once, of which the host takes four at a time, are all done there."""
        server = await self.farm()
        running = [self.tdistcc("gcc", "-c", "hello.c", "-o", f"{n}.o") for n in range(12)]
        for number, child in enumerate(running):
            self.assertEqual(await child.ended(), 0, child.stderr)
            self.is_right(f"{number}.o")
        self.assertEqual(len(server.jobs), 12)

    async def test_what_tdistcc_imports(self) -> None:
        """A compile through an agent imports neither Twisted nor anything that takes long."""
        await self.farm()
        await self.compiles()
        (self.work / "hello.o").unlink()
        child = await self.succeeds(sys.executable, "-c", WATCHED, *REMOTE)
        self.is_right()
        imported = {name.partition(".")[0] for name in os.fsdecode(child.stdout).split()}
        self.assertIn("twisted_distcc", imported)
        heavy = (
            "__future__ collections contextlib dataclasses enum fcntl functools logging re signal"
            " socket subprocess tempfile twisted typing zope"
        )
        self.assertEqual(imported & set(heavy.split()), set())


class AgentDeathTests(FarmTestCase):
    """An agent that dies in the middle of a job: another one is started, and the job is done."""

    async def survives(self, number: signal.Signals) -> None:
        """Compile; when the compiler stops, end the agent by this signal: the compile succeeds."""
        child = self.tdistcc(*REMOTE)
        await self.stopped()
        dead = self.agent()
        os.kill(dead, number)
        self.assertEqual(await child.ended(), 0, child.stderr)
        self.is_right()
        self.assertNotEqual(self.agent(), dead)
        self.assertEqual(child.stderr, "")

    async def test_killed_while_it_preprocesses(self) -> None:
        """Killed outright, while the preprocessor runs."""
        await self.farm()
        self.stops_once(self.bin / "gcc", PREPROCESSING)
        await self.survives(SIGKILL)

    async def test_killed_while_the_server_compiles(self) -> None:
        """Killed outright, while the server compiles: the server gives that job up."""
        server = await self.farm_that_stops()
        await self.survives(SIGKILL)
        await server.logged("verdict=cancelled")

    async def test_ended_while_it_preprocesses(self) -> None:
        """Told to end, it ends the preprocessor and leaves no file."""
        await self.farm()
        self.stops_once(self.bin / "gcc", PREPROCESSING)
        await self.survives(SIGTERM)
        await self.gone(await self.stopped())
        self.assertEqual(self.left(), ["hello.c", "hello.o"])

    async def test_ended_while_the_server_compiles(self) -> None:
        """Told to end, it ends the server's job and leaves no file."""
        server = await self.farm_that_stops()
        await self.survives(SIGTERM)
        await server.logged("verdict=cancelled")
        self.assertEqual(self.left(), ["hello.c", "hello.o"])

    async def test_killed_while_it_preprocesses_much(self) -> None:
        """Killed outright, it takes all preprocessors along."""
        await self.farm()
        log = self.home / "preprocessors"
        self.program("gcc", LASTS_UNTIL_THE_AGENT_DIES.format(log=log, mark=self.mark))
        self.environ["DISTCC_TRUST_NAMES"] = "1"
        children = [self.tdistcc("gcc", "-c", "hello.c", "-o", f"{name}.o") for name in "abcd"]
        await until(lambda: log.exists() and log.read_text().count("\n") == 4, "all preprocess")
        pids = {int(word) for word in log.read_text().split()}
        dead = self.agent()
        self.mark.touch()
        os.kill(dead, SIGKILL)
        for pid in pids:
            await self.gone(pid)
        for child, name in zip(children, "abcd", strict=True):
            self.assertEqual(await child.ended(), 0, child.stderr)
            self.is_right(f"{name}.o")

    async def test_again_and_again(self) -> None:
        """When every agent dies, tdistcc does the job by itself."""
        await self.farm()
        self.program("python", "")
        child = await self.succeeds(sys.executable, "-c", AGENTS_DIE, *REMOTE)
        self.is_right()
        self.assertIn("compiling without an agent", child.stderr)


# tdistcc whose agents end before they have begun.
AGENTS_DIE = """
import sys
from twisted_distcc.cli.tdistcc import main
sys.executable = "/bin/false"
main(["tdistcc", *sys.argv[1:]])
"""


class ServerDeathTests(FarmTestCase):
    async def test_killed_while_it_compiles(self) -> None:
        """A server that is killed in the middle costs a warning: the compile is done here."""
        server = await self.farm_that_stops()
        self.environ["DISTCC_FALLBACK"] = "1"
        child = self.tdistcc(*REMOTE)
        await self.stopped()
        await server.kill()
        self.assertEqual(await child.ended(), 0, child.stderr)
        self.is_right()
        self.assertIn("hung up without an answer", child.stderr)
        self.assertEqual(self.left(), ["hello.c", "hello.o"])

    async def test_a_dead_farm(self) -> None:
        """Where no server listens everything is compiled here, and each host is called once."""
        server = await self.farm()
        await server.kill()
        self.environ["DISTCC_FALLBACK"] = "1"
        said = [(await self.succeeds("tdistcc", *REMOTE)).stderr for _ in range(2)]
        self.is_right()
        self.assertIn("cannot be reached", said[0])
        self.assertIn("is avoided for", said[1])


class InterruptTests(FarmTestCase):
    """Interrupted, a compile ends at once, on all machines, and leaves nothing half written."""

    async def interrupted(self, child: Child, number: signal.Signals, server: LiveServer) -> None:
        compiler = await self.stopped()
        child.signal(number)
        self.assertEqual(await child.ended(), -number, child.stderr)
        await self.gone(compiler)
        await until(lambda: self.left() == ["hello.c"], "no file is left")
        self.nothing_is_left(server)
        self.assertEqual(child.stderr, "")

    async def test_while_the_server_compiles(self) -> None:
        """Ctrl-C ends the server's compiler; the agent stays, and the next compile is done."""
        server = await self.farm_that_stops()
        await self.interrupted(self.tdistcc(*REMOTE), SIGINT, server)
        await server.logged("verdict=cancelled")
        agent = self.agent()
        await self.compiles()
        self.assertEqual(self.agent(), agent)

    async def test_while_it_is_preprocessed(self) -> None:
        """Ctrl-C ends the preprocessor."""
        server = await self.farm()
        self.stops_once(self.bin / "gcc", PREPROCESSING)
        await self.interrupted(self.tdistcc(*REMOTE), SIGINT, server)

    async def test_terminated(self) -> None:
        """So does SIGTERM, which make sends."""
        server = await self.farm_that_stops()
        await self.interrupted(self.tdistcc(*REMOTE), SIGTERM, server)

    async def test_killed(self) -> None:
        """And so does SIGKILL."""
        server = await self.farm_that_stops()
        await self.interrupted(self.tdistcc(*REMOTE), SIGKILL, server)

    async def test_without_an_agent(self) -> None:
        """Without an agent Ctrl-C does the same."""
        server = await self.farm_that_stops()
        await self.interrupted(self.tdistcc(*REMOTE, DISTCC_AGENT="0"), SIGINT, server)

    async def test_while_the_agent_is_stopped(self) -> None:
        """An agent that does not move (SIGSTOP) keeps nobody from ending tdistcc."""
        await self.compiles()
        agent = self.agent()
        os.kill(agent, signal.SIGSTOP)
        child = self.tdistcc(*REMOTE)
        await until(lambda: _has_socket(child.pid), "it calls the agent")
        child.signal(SIGINT)
        self.assertEqual(await child.ended(), -SIGINT)
        os.kill(agent, signal.SIGCONT)
        await self.compiles()
        self.assertEqual(self.agent(), agent)


def _has_socket(pid: int) -> bool:
    return any(name.startswith("socket:") for name in opened(pid))
