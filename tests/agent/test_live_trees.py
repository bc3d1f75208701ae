"""Real compiles whose files are sent to our server, in its sandbox: all that they leave is as local."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

from tests.agent.home import HomeTestCase
from tests.live import LiveServer, until
from tests.releases import CLANG
from twisted_distcc.errors import EXIT_COMPILER_MISSING

C = """\
#include <stdio.h>
#include "sub/header.h"
int main(void) { int unused; puts(NAME " " __FILE__); return 0; }
"""
CXX = """\
#include <map>
#include <string>
#include "sub/header.h"
std::map<std::string, int> names() { int unused; return {{NAME, __LINE__}}; }
"""
# Includes the header that is named after its own line.
COMPUTED = """\
#define STRING(name) #name
#define PART_OF(number) STRING(part##number.h)
#define HEADER(number) PART_OF(number)
#include HEADER(__LINE__)
"""
HEADERS = 10_000
CANNOT_COMPILE = """\
#!/bin/sh
case " $* " in
*' -c '*) echo cannot >&2; exit 1;;
esac
exec /usr/bin/gcc "$@"
"""


class TreesTestCase(HomeTestCase):
    async def farm(self, *options: str, host: str = "", **environ: str) -> LiveServer:
        """Start a server, which is the only host, and has to compile whatever it is sent."""
        server = await self.serve("--jobs=4", *options, environ=environ)
        self.environ |= {
            "DISTCC_HOSTS": f"127.0.0.1:{server.port}/4{host}",
            "DISTCC_FALLBACK": "0",
            "PWD": str(self.work),
        }
        return server

    def file(self, name: str, text: str) -> Path:
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def inputs(self, server: LiveServer) -> list[str]:
        """Return for each job that `server` has done whether it came as `files` or as `text`."""
        return [job.split("inputs=")[1].split()[0] for job in server.jobs if "verdict=done" in job]

    async def told(self, *command: str, **changes: str) -> tuple[object, ...]:
        """Run a command; give its status, its words and its outputs, which are removed."""
        before = set(self.work.rglob("*"))
        child = self.run_in_home(*command, **changes)
        status = await child.ended()
        made = {path for path in self.work.rglob("*") if path not in before}
        outputs = {str(path): path.read_bytes() for path in made}
        for path in made:
            path.unlink()
        return status, child.stdout.decode(), child.stderr, outputs

    async def is_as_local(self, *command: str, **changes: str) -> None:
        """Assert that a compile leaves and says by tdistcc just what it does without."""
        remote = await self.told("tdistcc", *command, **changes)
        local = await self.told(*command, **changes)
        self.assertEqual(remote, local)
        self.assertEqual(local[0], 0, local)


class ExactTests(TreesTestCase):
    """A farm whose server preprocesses."""

    async def farm(self, *options: str, host: str = "", **environ: str) -> LiveServer:
        return await super().farm("--sandbox=require", *options, host=host, **environ)

    def all_were_trees(self, server: LiveServer, jobs: int) -> None:
        self.assertEqual(self.inputs(server), ["files"] * jobs, server.log)

    async def test_all_that_a_compile_leaves(self) -> None:
        """Objects with debug information, rules and warnings are the local compiler's own."""
        server = await self.farm()
        self.file("hello.c", C)
        self.file("hello.cc", CXX)
        self.file("sub/header.h", '#define NAME "hello"\n')
        flags = ("-O2", "-g", "-Wall", "-MD", "-c")
        for compiler, source in (("gcc", "c"), ("clang", "c"), ("g++", "cc"), ("clang++", "cc")):
            await self.is_as_local(compiler, *flags, f"hello.{source}", "-o", f"sub/{compiler}.o")
        self.all_were_trees(server, 4)

    async def test_ways_to_name_files(self) -> None:
        """Headers of options, of the environment and of a response file are found, and rules go far."""
        server = await self.farm()
        self.file("hello.c", C)
        self.file("far/sub/header.h", "")
        self.file("near/name.h", '#define NAME "near"\n')
        self.file("words", "-include name.h -MMD -MF rules.d -MT target")
        await self.is_as_local("gcc", "@words", "-Inear", "-c", "hello.c", CPATH="far")
        await self.is_as_local("clang", "@words", "-c", "hello.c", C_INCLUDE_PATH="far:near")
        self.all_were_trees(server, 2)

    async def test_what_no_list_of_files_names(self) -> None:
        """Files that are only asked for by macros, or only quoted in messages, count as well."""
        server = await self.farm()
        self.file("there.h", "")
        self.file("made.y", "first line\nof what it was made of\n")
        made = '#line 1 "made.y"\nint f(void)\n{ int unused; return 0; }\n'
        probe = '#define HAS(x) __has_include(x)\n#if HAS("there.h")\nint there;\n#endif\n'
        self.file("uses.c", probe + made)
        await self.is_as_local("gcc", "-Wall", "-c", "uses.c")
        self.all_were_trees(server, 1)
        self.file("uses.c", probe.replace('"there.h")', "THERE)"))
        await self.is_as_local("gcc", '-DTHERE="there.h"', "-c", "uses.c")
        self.all_were_trees(server, 1)

    async def test_a_date_that_a_compiler_does_not_heed(self) -> None:
        """gcc takes the date from SOURCE_DATE_EPOCH anywhere; not every clang does."""
        server = await self.farm()
        self.file("uses.c", "const char *now = __DATE__;\n")
        for compiler in ("gcc", "clang"):
            await self.is_as_local(compiler, "-c", "uses.c", SOURCE_DATE_EPOCH="100000")
        self.all_were_trees(server, 1 if CLANG < 16 else 2)

    async def test_two_names_of_one_file(self) -> None:
        """Hard links are one file to clang, and two to servers: it stays here, and gcc does not."""
        server = await self.farm()
        self.file("one.h", "int NAME;\n#undef NAME\n#define NAME b\n")
        os.link(self.work / "one.h", self.work / "two.h")
        self.file("uses.c", '#define NAME a\n#include "one.h"\n#include "two.h"\n')
        await self.is_as_local("gcc", "-c", "uses.c")
        await self.is_as_local("clang", "-c", "uses.c")
        self.all_were_trees(server, 1)

    async def test_files_that_come_and_go(self) -> None:
        """What is generated, edited, shadowed or deleted between two compiles counts in the second."""
        server = await self.farm()
        command = ("gcc", "-g", "-MD", "-Ifirst", "-Isecond", "-c", "uses.c")
        self.file("uses.c", '#include <generated.h>\n#include "own.h"\nint x = GENERATED + OWN;\n')
        self.file("own.h", "#define OWN 1\n")
        self.file("first/empty.h", "")
        status, *_ = await self.told("tdistcc", *command)
        self.assertEqual(status, 1)
        self.file("second/generated.h", "#define GENERATED 1\n")
        await self.is_as_local(*command)
        self.file("own.h", "#define OWN 2\n")
        await self.is_as_local(*command)
        shadow = self.file("first/generated.h", "#define GENERATED 2\n")
        await self.is_as_local(*command)
        shadow.unlink()
        await self.is_as_local(*command)
        self.all_were_trees(server, 5)

    async def test_one_name_in_two_folders(self) -> None:
        """Files of one name and one content in two folders stay two, by `#pragma once` as well."""
        server = await self.farm()
        for folder in ("one", "two"):
            self.file(f"{folder}/same.h", "#pragma once\nextern int NAME;\n#undef NAME\n")
        text = '#define NAME a\n#include "one/same.h"\n#define NAME b\n#include "two/same.h"\n'
        self.file("uses.c", f"{text}int *address = &b;\n")
        os.utime(self.work / "two" / "same.h", ns=(0, 0))  # gcc would take them for one otherwise
        await self.is_as_local("gcc", "-c", "uses.c")
        await self.is_as_local("clang", "-c", "uses.c")
        self.all_were_trees(server, 2)

    async def test_links(self) -> None:
        """Links to files and folders, also on the way to the working directory, lead where they lead."""
        server = await self.farm()
        self.file("store/v1/sub/header.h", '#define NAME "linked"\n')
        self.file("store/hello.c", C)
        (self.work / "hello.c").unlink()
        (self.work / "hello.c").symlink_to("store/hello.c")
        (self.work / "store" / "current").symlink_to("v1")
        (self.work / "include").symlink_to(self.work / "store" / "current")
        link = self.home / "link"
        link.symlink_to("work")
        command = ("-g", "-MD", "-Iinclude", "-Istore/current/../v1", "-c", "hello.c")
        for compiler in ("gcc", "clang"):
            await self.is_as_local(compiler, *command, PWD=str(link))
        self.all_were_trees(server, 2)

    async def test_computed_includes(self) -> None:
        """An include that only the compiler can tell is told by the compiler."""
        server = await self.farm()
        self.file("uses.c", f"{COMPUTED}int x = PART;\n")
        self.file("part4.h", "#define PART 4\n")
        await self.is_as_local("gcc", "-MD", "-c", "uses.c")
        self.file("part4.h", '#include "other.h"\n')
        self.file("other.h", "#define PART 5\n")
        await self.is_as_local("gcc", "-MD", "-c", "uses.c")
        self.all_were_trees(server, 2)

    async def test_ten_thousand_headers(self) -> None:
        """A unit of ten thousand headers travels like any other."""
        server = await self.farm()
        for number in range(HEADERS):
            self.file(f"many/{number % 100}/{number}.h", f"extern int x{number};\n")
        lines = [f'#include "many/{number % 100}/{number}.h"\n' for number in range(HEADERS)]
        self.file("all.c", "".join(lines) + "int *last = &x9999;\n")
        await self.is_as_local("gcc", "-MD", "-c", "all.c")
        self.all_were_trees(server, 1)


class OtherServersTests(TreesTestCase):
    """Farms whose server does not preprocess exactly, or is not known to."""

    async def test_without_a_sandbox(self) -> None:
        """A server without a sandbox is sent the text, unless its word in the hosts list has ,cpp."""
        server = await self.farm()
        await self.is_as_local("gcc", "-MD", "-c", "hello.c")
        self.assertEqual(self.inputs(server), ["text"], server.log)
        await self.is_as_local(
            "gcc", "-MD", "-c", "hello.c", DISTCC_HOSTS=f"127.0.0.1:{server.port},lzo,cpp"
        )
        self.assertEqual(self.inputs(server), ["text", "files"], server.log)

    async def test_another_compiler(self) -> None:
        """A server whose compiler is not the very same is sent the text, if the user vouches for it."""
        folder = self.home / "server-bin"
        folder.mkdir()
        (folder / "gcc").write_text('#!/bin/sh\nexec /usr/bin/gcc "$@"\n')
        (folder / "gcc").chmod(0o755)
        server = await self.farm("--sandbox=require", DISTCCD_PATH=f"{folder}:/usr/bin:/bin")
        await self.is_as_local("gcc", "-c", "hello.c", DISTCC_TRUST_NAMES="1")
        self.assertEqual(self.inputs(server), ["text"], server.log)
        child = self.tdistcc("gcc", "-c", "hello.c")
        self.assertEqual(await child.ended(), EXIT_COMPILER_MISSING)
        self.assertIn("cannot tell what its gcc is", child.stderr)
        self.assertEqual(len(server.jobs), 1)

    async def test_turned_off(self) -> None:
        """DISTCC_REMOTE_CPP=0 sends the text to a server that could preprocess."""
        server = await self.farm("--sandbox=require")
        await self.is_as_local("gcc", "-c", "hello.c", DISTCC_REMOTE_CPP="0")
        self.assertEqual(self.inputs(server), ["text"], server.log)

    async def test_a_server_that_errs(self) -> None:
        """A unit that fails there and compiles here is told once, with a reproducer, and stays here."""
        folder = self.home / "server-bin"
        folder.mkdir()
        (folder / "gcc").write_text(CANNOT_COMPILE)
        (folder / "gcc").chmod(0o755)
        environ = {"DISTCCD_PATH": f"{folder}:/usr/bin:/bin"}
        server = await self.farm(host=",lzo,cpp", **environ)
        self.environ["DISTCC_FALLBACK"] = "1"
        await self.compiles()
        reproducers = self.home / ".distcc" / "reproducers"
        await until(lambda: list(reproducers.glob("*/tree.tar")), "there is a reproducer")
        self.assertEqual(await self.words_of_a_compile(), 1)
        self.assertEqual(await self.words_of_a_compile(), 0)
        self.assertEqual(len(server.jobs), 1)
        [reproducer] = reproducers.iterdir()
        self.assertEqual((reproducer / "stderr").read_text(), "cannot\n")
        self.assertIn("gcc -c hello.c -o hello.o", (reproducer / "command").read_text())
        with tarfile.open(reproducer / "tree.tar") as tree:
            self.assertIn(f"{self.work}/hello.c".lstrip("/"), tree.getnames())

    async def words_of_a_compile(self) -> int:
        """Compile once more, and count the words that tell of a reproducer."""
        (self.work / "hello.o").unlink()
        child = await self.succeeds("tdistcc", "gcc", "-c", "hello.c", "-o", "hello.o")
        self.is_right()
        return child.stderr.count("reproducers")
