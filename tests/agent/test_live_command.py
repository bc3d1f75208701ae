"""tdistcc as builds call it: by links, behind ccache, by scripts that call it again; and how it ends."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

from tests.agent.farm import FarmTestCase
from tests.live import LiveServer
from twisted_distcc.cli.installed import installed_command

TDISTCC = installed_command("tdistcc")
WITHOUT_TWISTED = """
import sys
from twisted_distcc.cli.tdistcc import main
sys.modules["twisted"] = None
main(["tdistcc", *sys.argv[1:]])
"""


class MasqueradeTests(FarmTestCase):
    """A folder of links named like compilers stands first on PATH."""

    async def set_up_links(self, **targets: str | Path) -> LiveServer:
        """Start a farm, and make links; a target that is not absolute is another link."""
        for name, target in targets.items():
            (self.bin / name).symlink_to(target)
        return await self.farm()

    async def test_a_link(self) -> None:
        """`gcc` that is a link to tdistcc compiles on the farm with the gcc that it hides."""
        server = await self.set_up_links(gcc=TDISTCC)
        await self.succeeds("/bin/sh", "-c", "gcc -c hello.c")
        self.is_right()
        self.assertEqual(len(server.jobs), 1)

    async def test_a_chain_of_links(self) -> None:
        """A link to a link to tdistcc is passed over as well."""
        server = await self.set_up_links(gcc="cc", cc="farm", farm=TDISTCC)
        await self.succeeds("/bin/sh", "-c", "gcc -c hello.c")
        self.is_right()
        self.assertEqual(len(server.jobs), 1)

    async def test_by_its_path(self) -> None:
        """A link that is called by its path stands for the compiler of its name on PATH."""
        server = await self.set_up_links(gcc=TDISTCC)
        await self.succeeds(str(self.bin / "gcc"), "-c", "hello.c", PATH="/usr/bin:/bin")
        await self.succeeds("tdistcc", str(self.bin / "gcc"), "-c", "hello.c", "-o", "2.o")
        self.is_right()
        self.is_right("2.o")
        self.assertEqual(len(server.jobs), 2)

    async def test_past_ccache(self) -> None:
        """Links to ccache on PATH are no compilers: tdistcc does not go through them."""
        ccache = self.home / "ccache"
        ccache.mkdir()
        (ccache / "gcc").symlink_to(shutil.which("ccache") or "/usr/bin/ccache")
        await self.set_up_links(gcc=TDISTCC)
        path = f"{self.bin}:{ccache}:/usr/bin:/bin"
        await self.succeeds(str(TDISTCC), "gcc", "-c", "hello.c", PATH=path)
        self.is_right()
        self.assertFalse((self.home / ".cache" / "ccache").exists())

    async def test_nothing_behind_a_link(self) -> None:
        """Where only links are on PATH there is no compiler, and that is said, once."""
        await self.set_up_links(nocc=TDISTCC)
        child = self.run_in_home(str(self.bin / "nocc"), "-c", "hello.c", PATH=str(self.bin))
        self.assertEqual(await child.ended(), 110)
        self.assertEqual(child.stderr.count("failed to exec nocc"), 1, child.stderr)

    async def test_what_is_not_for_servers(self) -> None:
        """Linking by a link is done by the compiler that it hides."""
        await self.set_up_links(gcc=TDISTCC)
        await self.succeeds("/bin/sh", "-c", "gcc hello.c -o hello && ./hello")


class RecursionTests(FarmTestCase):
    async def test_a_script_that_calls_tdistcc(self) -> None:
        """A compiler that is a script around tdistcc ends in the real one, and waits for no slot."""
        server = await self.farm()
        self.program("gcc", f'PATH=/usr/bin:/bin exec {TDISTCC} gcc "$@"')
        self.environ["DISTCC_HOSTS"] += " --localslots=1 --localslots_cpp=1"
        await self.succeeds("tdistcc", "gcc", "-c", "hello.c", "-o", "hello.o", DISTCC_TRUST_NAMES="1")
        self.is_right()
        self.assertEqual(len(server.jobs), 1)

    async def test_for_ever(self) -> None:
        """A script that calls tdistcc to call the script is found out, and said so."""
        self.program("gcc", f'exec {TDISTCC} gcc "$@"')
        child = self.tdistcc("gcc", "hello.c", "-o", "hello")
        self.assertEqual(await child.ended(), 111)
        self.assertIn("starts tdistcc again and again", child.stderr)

    async def test_without_an_agent(self) -> None:
        """So it is without an agent."""
        self.program("gcc", f'exec {TDISTCC} gcc "$@"')
        child = self.tdistcc("gcc", "hello.c", "-o", "hello", DISTCC_AGENT="0")
        self.assertEqual(await child.ended(), 111)

    async def test_ccache_as_a_compiler(self) -> None:
        """`tdistcc ccache gcc` is told the right order."""
        child = self.tdistcc("ccache", "gcc", "-c", "hello.c")
        self.assertEqual(await child.ended(), 110)
        self.assertIn("CCACHE_PREFIX=tdistcc", child.stderr)


class ExitTests(FarmTestCase):
    async def test_implicit_compiler(self) -> None:
        """Without a compiler's name cc compiles, by the name of the compiler that it stands for."""
        server = await self.farm()
        await self.succeeds("tdistcc", "-c", "hello.c", "-o", "hello.o")
        self.is_right()
        self.assertIn("/gcc ", server.jobs[0])

    async def test_a_compiler_that_is_missing(self) -> None:
        """A path that leads to no compiler is not replaced by another compiler of that name."""
        await self.farm()
        for agent in ("1", "0"):
            child = self.tdistcc("/opt/missing/gcc", "-c", "hello.c", DISTCC_AGENT=agent)
            self.assertEqual(await child.ended(), 110)
            self.assertIn("failed to exec /opt/missing/gcc", child.stderr)

    async def test_killed_here(self) -> None:
        """A compiler that is killed here is what tdistcc has become: it ends by the same signal."""
        self.program("gcc", "kill -TERM $$")
        for agent in ("1", "0"):
            child = await self.ended("/bin/sh", "-c", "tdistcc gcc -c hello.c; echo $?", agent=agent)
            self.assertEqual(child, b"143\n")

    async def ended(self, *argv: str, agent: str) -> bytes:
        child = self.run_in_home(*argv, DISTCC_AGENT=agent)
        await child.ended()
        return child.stdout

    async def test_killed_there(self) -> None:
        """A compiler that is killed on the server gives 128 and the signal's number."""
        folder = self.home / "server-bin"
        folder.mkdir()
        (folder / "gcc").write_text("#!/bin/sh\nkill -KILL $$\n")
        (folder / "gcc").chmod(0o755)
        await self.farm(DISTCCD_PATH=f"{folder}:/usr/bin:/bin")
        changes = {"DISTCC_SKIP_LOCAL_RETRY": "1", "DISTCC_TRUST_NAMES": "1"}
        child = self.tdistcc("gcc", "-c", "hello.c", **changes)
        self.assertEqual(await child.ended(), 137)

    async def test_a_reader_that_goes(self) -> None:
        """A compiler whose reader goes ends by SIGPIPE, as it does without tdistcc."""
        self.program("gcc", "while :; do echo line; done; echo late >&2")
        for agent in ("1", "0"):
            child = await self.succeeds(
                "/bin/bash",
                "-c",
                "tdistcc gcc -E hello.c | head -1; echo ${PIPESTATUS[0]}",
                DISTCC_AGENT=agent,
            )
            self.assertEqual((child.stdout, child.stderr), (b"line\n141\n", ""))

    async def test_standard_error_that_is_closed(self) -> None:
        """Who closes standard error gets the compile all the same, by the compiler here."""
        server = await self.farm()
        command = "tdistcc gcc -c hello.c 2>&-"
        await self.succeeds("/bin/sh", "-c", command, DISTCC_VERBOSE="1")
        self.is_right()
        self.assertEqual(server.jobs, [])

    async def test_dispositions(self) -> None:
        """The compiler ignores the signals that it would ignore without tdistcc, and no others."""
        self.program("gcc", "exec grep SigIgn /proc/self/status")
        script = "trap '' HUP TERM CHLD {more}; {command} -c hello.c; exit $?"
        for more, agent in (("", "1"), ("PIPE", "1"), ("XFSZ", "0")):
            plain = await self.succeeds("/bin/sh", "-c", script.format(more=more, command="gcc"))
            ours = script.format(more=more, command="tdistcc gcc")
            child = await self.succeeds("/bin/sh", "-c", ours, DISTCC_AGENT=agent)
            self.assertEqual(child.stdout, plain.stdout, (more, agent))

    async def test_dispositions_below_python(self) -> None:
        """Python resets for its children what it ignores itself, and so do we."""
        self.program("gcc", "exec grep SigIgn /proc/self/status")
        script = "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))"
        said = [
            (await self.succeeds(sys.executable, "-c", script, *command, "gcc", "-c", "hello.c")).stdout
            for command in (["env"], [str(TDISTCC)])
        ]
        self.assertEqual(said[0], said[1])

    async def test_without_twisted(self) -> None:
        """Where Twisted cannot be loaded, the compiler just runs: quietly, if memory is limited."""
        for limit, words in (("", "compiling here, as"), ("ulimit -v 100000000;", "")):
            script = f'{limit} exec "$@"'
            argv = (sys.executable, "-c", WITHOUT_TWISTED, "gcc", "-c", "hello.c", "-o", "hello.o")
            agent = "1" if limit else "0"
            child = await self.succeeds("/bin/bash", "-c", script, "bash", *argv, DISTCC_AGENT=agent)
            self.is_right()
            (self.work / "hello.o").unlink()
            self.assertIn(words, child.stderr)
        self.assertEqual(child.stderr, "")

    async def test_a_folder_that_was_removed(self) -> None:
        """In a working directory that is gone the compiler can still do what needs no directory."""
        (self.work / "gone").mkdir()
        source, made = self.work / "hello.c", self.work / "hello.o"
        command = f"cd gone && rmdir ../gone && tdistcc gcc -c {source} -o {made}"
        for agent in ("1", "0"):
            (self.work / "gone").mkdir(exist_ok=True)
            await self.succeeds("/bin/sh", "-c", command, DISTCC_AGENT=agent)
            self.assertTrue(made.exists())
            made.unlink()

    async def test_umask(self) -> None:
        """The umask that counts is the one of tdistcc, not the agent's."""
        await self.farm()
        for mask, mode in (("077", 0o600), ("002", 0o664)):
            await self.succeeds("/bin/sh", "-c", f"umask {mask}; tdistcc gcc -c hello.c")
            self.assertEqual(stat.S_IMODE((self.work / "hello.o").stat().st_mode), mode)

    async def test_words_that_are_no_text(self) -> None:
        """Names that are no valid text are passed on as they are."""
        await self.farm()
        name = os.fsdecode(b"caf\xe9.c")
        (self.work / name).write_text("int x;\n")
        await self.succeeds("tdistcc", "gcc", "-c", name)
        self.assertTrue((self.work / os.fsdecode(b"caf\xe9.o")).exists())


class WordsTests(FarmTestCase):
    """Where tdistcc's own words go."""

    async def test_nowhere(self) -> None:
        """A compile that goes well says nothing."""
        await self.farm()
        child = await self.succeeds("tdistcc", "gcc", "-c", "hello.c")
        self.assertEqual((child.stdout, child.stderr), (b"", ""))

    async def test_verbose(self) -> None:
        """DISTCC_VERBOSE=1 tells where a file is compiled, and why, on standard error."""
        server = await self.farm()
        for agent in ("1", "0"):
            child = await self.succeeds(
                "tdistcc", "gcc", "-c", "hello.c", DISTCC_VERBOSE="1", DISTCC_AGENT=agent
            )
            host = f"127.0.0.1:{server.port}"
            begun, why_text, done = child.stderr.splitlines()
            self.assertEqual(begun, f"tdistcc: compiling hello.c on {host}")
            self.assertIn(f"preprocessing here: {host} has no sandbox", why_text)
            self.assertRegex(done, f"^tdistcc: hello.c compiled on {host} in [0-9.]+s$")
            child = await self.succeeds(
                "tdistcc", "gcc", "-E", "hello.c", DISTCC_VERBOSE="1", DISTCC_AGENT=agent
            )
            self.assertIn("tdistcc: compiling here: ", child.stderr)

    async def test_log(self) -> None:
        """DISTCC_LOG takes all words, as seen from where the command was typed; it grows."""
        await self.farm()
        for agent in ("1", "0"):
            child = await self.succeeds(
                "tdistcc", "gcc", "-c", "hello.c", DISTCC_LOG="words", DISTCC_AGENT=agent
            )
            self.assertEqual(child.stderr, "")
        lines = (self.work / "words").read_text().splitlines()
        told = [
            "tdistcc: compiling hello.c", "tdistcc: preprocessing her", "tdistcc: hello.c compiled ",
        ] * 2  # fmt: skip
        self.assertEqual([line[:26] for line in lines], told)

    async def test_a_log_that_cannot_be_opened(self) -> None:
        """A log that cannot be opened is told of, and the words go to standard error instead."""
        await self.farm()
        for agent in ("1", "0"):
            child = await self.succeeds(
                "tdistcc", "gcc", "-c", "hello.c", DISTCC_LOG="missing/words", DISTCC_AGENT=agent
            )
            error, *words = child.stderr.splitlines()
            self.assertEqual(
                error,
                "tdistcc: ERROR: failed to open logfile missing/words: No such file or directory",
            )
            self.assertIn("tdistcc: compiling hello.c on ", words[0])

    async def test_logs_that_only_the_caller_has(self) -> None:
        """A log that is one of the caller's descriptors is the caller's, and not the agent's."""
        await self.farm()
        for agent in ("1", "0"):
            child = await self.succeeds(
                "tdistcc", "gcc", "-c", "hello.c", DISTCC_LOG="/dev/stderr", DISTCC_AGENT=agent
            )
            self.assertIn("tdistcc: hello.c compiled on", child.stderr)
            command = "exec 7>ours; DISTCC_LOG=/dev/fd/7 exec tdistcc gcc -c hello.c"
            await self.succeeds("/bin/sh", "-c", command, DISTCC_AGENT=agent)
            self.assertIn("tdistcc: hello.c compiled on", (self.work / "ours").read_text())

    async def test_a_compile_that_cannot_be_done(self) -> None:
        """Why there is no compile is said on standard error, and in the log if there is one."""
        for agent in ("1", "0"):
            child = self.tdistcc("nocc", "-c", "hello.c", DISTCC_LOG="words", DISTCC_AGENT=agent)
            self.assertEqual(await child.ended(), 110)
            self.assertIn("tdistcc: ERROR: failed to exec nocc", child.stderr)
            self.assertEqual((self.work / "words").read_text(), child.stderr)
            (self.work / "words").unlink()

    async def test_a_build_without_hosts(self) -> None:
        """A build is warned once that nothing is sent; the next one is warned again."""
        build = "tdistcc gcc -c hello.c; tdistcc gcc -c hello.c"
        for _ in range(2):
            child = await self.succeeds("setsid", "--wait", "/bin/sh", "-c", build)
            self.assertEqual(
                child.stderr,
                "tdistcc: Warning: failed to distribute, running locally instead: "
                "$DISTCC_HOSTS contained no hosts; can't distribute work\n",
            )

    async def test_uncached(self) -> None:
        """UNCACHED_ERR_FD takes our words; the compiler's own stay on standard error."""
        await self.farm()
        (self.work / "warns.c").write_text("#warning careful\n")
        for agent in ("1", "0"):
            command = "UNCACHED_ERR_FD=7 tdistcc gcc -c warns.c 7>ours"
            child = await self.succeeds("/bin/sh", "-c", command, DISTCC_VERBOSE="1", DISTCC_AGENT=agent)
            self.assertIn("careful", child.stderr)
            self.assertNotIn("tdistcc:", child.stderr)
            self.assertIn("tdistcc: compiling warns.c on", (self.work / "ours").read_text())

    async def test_uncached_and_closed(self) -> None:
        """Where UNCACHED_ERR_FD is no descriptor, our words go to standard error."""
        for agent in ("1", "0"):
            child = await self.succeeds(
                "tdistcc", "gcc", "-c", "hello.c", UNCACHED_ERR_FD="77", DISTCC_AGENT=agent
            )
            self.assertIn("running locally instead", child.stderr)


class CcacheTests(FarmTestCase):
    if shutil.which("ccache") is None:
        skip = "ccache is not installed (Debian: apt-get install ccache)"

    async def test_in_front(self) -> None:
        """With CCACHE_PREFIX=tdistcc what is not cached goes to the farm; what is, goes nowhere."""
        server = await self.farm()
        self.environ |= {
            "CCACHE_PREFIX": "tdistcc",
            "CCACHE_DIR": str(self.home / "ccache"),
            "DISTCC_VERBOSE": "1",
        }
        said = []
        for _ in range(2):
            (self.work / "hello.o").unlink(missing_ok=True)
            child = await self.succeeds("/usr/bin/ccache", "gcc", "-c", "hello.c", "-o", "hello.o")
            self.is_right()
            said.append(child.stderr)
            self.assertEqual(len(server.jobs), 1)
        self.assertIn("tdistcc: compiling", said[0])
        self.assertEqual(said[1], "", "ccache has stored our words")


class WholeProgramTests(FarmTestCase):
    async def test_a_build(self) -> None:
        """Compiled on the farm and linked here, a program runs."""
        await self.farm()
        await self.succeeds("tdistcc", "gcc", "-O2", "-g", "-c", "hello.c", "-o", "hello.o")
        await self.succeeds("tdistcc", "gcc", "hello.o", "-o", "hello")
        said = subprocess.run([self.work / "hello"], capture_output=True, check=True).stdout
        self.assertEqual(said, b"hello\n")
