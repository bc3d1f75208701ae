"""Trees that real compilers compile, in the sandbox and without it, against local compiles."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.live import plain_environment
from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.cmdline.rewrite import tree_argv
from twisted_distcc.execution.executor import Executor
from twisted_distcc.execution.resource_limits import Limits
from twisted_distcc.execution.sandbox.builder import build
from twisted_distcc.execution.sandbox.trial import attempt
from twisted_distcc.execution.unconfined import Unconfined
from twisted_distcc.execution.workspace import Workspaces
from twisted_distcc.jobs.model import FOLDER_MARK, Reply, Tree
from twisted_distcc.jobs.plain_trees import pack_tree

ENVIRON = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}
_UPWARDS = re.compile(r"/\.\.(?=/)")
FILES = {
    "src/main.c": """\
#include <stdio.h>
#include <limits.h>
#include "near.h"
#include "shared.h"
#include <next.h>
#include LATE
int main(void) { int unused; printf("%s %d %d\\n", __FILE__, NEAR + NEXT, INT_MAX); return shared(); }
""",
    "src/main.cc": """\
#include <map>
#include <string>
#include "shared.h"
#include "near.h"
#if __has_include(<nowhere.h>) || !__has_include("near.h")
#error
#endif
int count(std::string const &s) { std::map<std::string, int> m; int unused; return m[s] + shared(); }
""",
    "src/start.S": """\
#include "near.h"
.globl start
start: nop
.section .rodata
.incbin "src/data.bin"
.int NEAR
""",
    "src/wrong.c": '#include "wrong.h"\nint f(void) { return undeclared; }\n',
    "src/near.h": "#define NEAR 1\n",
    "include/wrong.h": "int g(void) { return also_undeclared; }\n",
    "include/shared.h": "#pragma once\nstatic inline int shared(void) { return 3; }\n",
    "other/shared.h": "#pragma once\nstatic inline int shared(void) { return 3; }\n",
    "include/next.h": "#include_next <next.h>\n",
    "other/next.h": "#define NEXT 4\n",
    "other/late.h": "/* late */\n",
    "other/first.h": "#define FIRST 1\n",
    "other/macros.h": "#define MACROS 1\n",
    "src/data.bin": "some bytes",
    "odd #$ name/main.c": '#include "../src/near.h"\nint x = NEAR;\n',
}
SEARCH = "-Isrc -I include -isystem other '-DLATE=<late.h>'"
COMMANDS = (
    f"gcc -O2 -g -Wall -MD {SEARCH} -c src/main.c -o build/main.o",
    f"gcc -O0 -g3 -MMD -MF deps/x.d -MT one -MQ 'two three$' -MP {SEARCH} -c src/main.c -o build/main.o",
    f"gcc -g -Wp,-MD,deps/wp.d {SEARCH} -c src/main.c -o build/main.o",
    f"gcc -g -MD -Wall {SEARCH} -S src/main.c",
    f"gcc -MD -include first.h -imacros macros.h -iquote include {SEARCH} -c ABSOLUTE/src/main.c",
    "gcc -g -MD -c 'odd #$ name/main.c' -o build/main.o",
    "gcc -MD -Isrc -c src/start.S",
    f"g++ -g -O2 -MD -Wall {SEARCH} -c src/main.cc -o build/main.o",
    f"clang -O2 -g -Wall -MD -Wl,-z,now {SEARCH} -c src/main.c -o build/main.o",
    f"clang -g -MMD -MF deps/x.d -MT one -MQ 'two three$' -MP {SEARCH} -c src/main.c -o build/main.o",
    f"clang -g -Wp,-MD,deps/wp.d {SEARCH} -c src/main.c -o build/main.o",
    f"clang -MD -include first.h -imacros macros.h {SEARCH} -c ABSOLUTE/src/main.c",
    "clang -MD -Isrc -c src/start.S",
    "clang -g -MD -c 'odd #$ name/main.c' -o build/main.o",
    f"clang++ -g -O2 -MD -Wall {SEARCH} -c src/main.cc -o build/main.o",
)
# These objects hold the options themselves.
IN_THE_SANDBOX = (
    f"gcc -g -flto -frandom-seed=1 -fdebug-prefix-map=ABSOLUTE=/src {SEARCH} -c src/main.c",
    f"gcc -g -frecord-gcc-switches {SEARCH} -c src/main.c",
)


class TreeTestCase(SynchronousTestCase):
    """A client's folder, with a link to it, and both kinds of places."""

    def setUp(self) -> None:
        top = Path(os.path.abspath(self.mktemp()))
        self.client = top / "client"
        for name, text in FILES.items():
            path = self.client / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for name in ("build", "deps"):
            (self.client / name).mkdir()
        self.workspaces = Workspaces(str(top))
        self.addCleanup(self.workspaces.close)

    def places(self) -> dict[str, Executor]:
        return {
            "sandbox": build(Limits(), ENVIRON, self.workspaces.spool),
            "none": Unconfined(self.workspaces, ENVIRON),
        }

    def locally(self, command: list[str]) -> subprocess.CompletedProcess[bytes]:
        environ = plain_environment(LC_ALL="C.UTF-8", PATH="/usr/bin:/bin")
        return subprocess.run(command, cwd=self.client, env=environ, capture_output=True, check=False)

    def tree(self, command: Compilation, links: Mapping[bytes, bytes] | None = None) -> Tree:
        """Give what the compiler itself says that it reads, and the folders that it goes through."""
        dropped = {"-c", "-S", "-MD", "-MMD", "-MP", "-o", "-MF", "-MT", "-MQ"}
        options = [option for option in command.options if option.name not in dropped]
        words = [word for option in options for word in option.words if not word.startswith("-Wp,")]
        if command.compiler in {"gcc", "g++"}:
            words.append("-fno-canonical-system-headers")  # which would hide links on the way to them
        listed = self.locally([command.compiler, *words, "-M", "-MT", "x"])
        self.assertEqual(listed.returncode, 0, listed.stderr)
        rule = listed.stdout.decode().partition(":")[2].replace("\\\n", " ").replace("\\#", "'#'")
        names = shlex.split(rule.replace("$$", "$"))
        paths = [os.path.join(self.client, name) for name in names]
        if (data := self.client / "src/data.bin").exists():
            paths.append(str(data))
        through = {path[: at.start()] for path in paths for at in _UPWARDS.finditer(path)}
        files = {os.path.realpath(path): Path(path).read_bytes() for path in paths}
        files |= {os.path.realpath(path) + "/" + FOLDER_MARK.decode(): b"" for path in through}
        named = {os.fsencode(path): data for path, data in files.items()}
        linked = {
            os.fsencode(path): os.fsencode(os.readlink(path)) for path in paths if os.path.islink(path)
        }
        return pack_tree(os.fsencode(self.client), named, {**linked, **(links or {})})

    def served(
        self, place: Executor, command: Compilation, tree: Tree, environ: Mapping[str, str]
    ) -> Reply:
        arrived = parse(tree_argv(command), arrived=True, with_files=True)
        assert isinstance(arrived, Compilation), arrived
        compiler = f"/usr/bin/{command.compiler}"
        place.learn(compiler)
        with place.prepare_tree(compiler, arrived, tree, environ, "ada") as job:
            return attempt(job)

    def understood(self, command: str) -> Compilation:
        parsed = parse(shlex.split(command.replace("ABSOLUTE", str(self.client))))
        assert isinstance(parsed, Compilation), parsed
        return parsed

    def assert_same(self, name: str, place: Executor, text: str, environ: Mapping[str, str]) -> None:
        command = self.understood(text)
        local = self.locally([command.compiler, *command.arguments])
        reply = self.served(place, command, self.tree(command), environ)
        said = reply.stderr.read()
        self.assertEqual((said, reply.exit_code), (local.stderr, local.returncode), (name, text))
        self.assert_outputs(name, text, command, reply)
        reply.discard()

    def assert_outputs(self, name: str, text: str, command: Compilation, reply: Reply) -> None:
        output = (self.client / command.output).read_bytes()
        self.assertTrue(reply.object_file.read() == output, (name, text, "objects"))
        rules = command.dependencies
        made = (self.client / rules.path).read_bytes() if rules else b""
        self.assertEqual(reply.dependencies.read(), made, (name, text))


class SameTests(TreeTestCase):
    def test_each_command(self) -> None:
        """Objects, dependencies and messages are those of a local compile, at both places."""
        for name, place in self.places().items():
            for command in COMMANDS:
                self.assert_same(name, place, command, {})
            for command in IN_THE_SANDBOX if name == "sandbox" else ():
                self.assert_same(name, place, command, {})

    def test_locales(self) -> None:
        """Messages are quoted as the client's locale has it."""
        command = self.understood(f"gcc -Wall {SEARCH} -c src/main.c")
        tree = self.tree(command)
        for name, place in self.places().items():
            for locale, quoted in (("C", b"'unused'"), ("C.UTF-8", b"\xe2\x80\x98unused")):
                reply = self.served(place, command, tree, {"LC_ALL": locale})
                self.assertIn(quoted, reply.stderr.read(), name)
                reply.discard()

    def test_errors(self) -> None:
        """What does not compile is told as at the client, and leaves neither object nor rules."""
        for compiler in ("gcc", "clang"):
            command = self.understood(f"{compiler} -MD -Iinclude -c src/wrong.c")
            local = self.locally([compiler, *command.arguments])
            self.assertEqual(local.returncode, 1)
            for name, place in self.places().items():
                reply = self.served(place, command, self.tree(command), {})
                self.assertEqual(reply.stderr.read(), local.stderr, name)
                lengths = (reply.exit_code, reply.object_file.length, reply.dependencies.length)
                self.assertEqual(lengths, (1, 0, 0))

    def test_a_working_directory_behind_a_link(self) -> None:
        """The client's own name for its folder is the one in debug information and in `.d` files."""
        away = self.client.parent / "away"
        away.symlink_to("client/build")
        search = f"-I{away}/../src -I../include -isystem ../other '-DLATE=<late.h>'"
        text = f"gcc -g -MD {search} -c ../src/main.c"
        environ = plain_environment(PWD=str(away), LC_ALL="C.UTF-8")
        subprocess.run(shlex.split(text), cwd=away, env=environ, check=True, capture_output=True)
        command = self.understood(text)
        self.client = away
        tree = self.tree(command, {os.fsencode(away): b"client/build"})
        reply = self.served(build(Limits(), ENVIRON, self.workspaces.spool), command, tree, {})
        self.assertEqual(reply.stderr.read().count(b"error"), 0)
        self.assert_outputs("sandbox", text, command, reply)
        self.assertIn(os.fsencode(away), reply.object_file.read())


class OnceTests(TreeTestCase):
    def test_equal_files(self) -> None:
        """Two files of equal contents that say `#pragma once` stay two, as they are at the client."""
        text = "#pragma once\nstatic int count = __COUNTER__;\n"
        for folder in ("src", "other"):
            (self.client / folder / "counted.h").write_text(text)
        os.utime(self.client / "src/counted.h", (1, 1))
        (self.client / "src/main.c").write_text(
            '#include "counted.h"\n#define count count2\n#include <counted.h>\nint x = __COUNTER__;\n'
        )
        for name, place in self.places().items():
            for compiler in ("gcc", "clang"):
                self.assert_same(name, place, f"{compiler} -g -MD -isystem other -c src/main.c", {})

    def test_the_servers_own_headers(self) -> None:
        """A client that brings no system headers gets the server's, as C distcc's may want."""
        for name, place in self.places().items():
            for compiler, source in (("gcc", "main.c"), ("clang", "main.c"), ("clang++", "main.cc")):
                command = self.understood(f"{compiler} -g -MD {SEARCH} -c src/{source}")
                self.locally([command.compiler, *command.arguments])
                whole = self.tree(command)
                own = tuple(entry for entry in whole.entries if b"/usr/" not in entry.name)
                reply = self.served(place, command, Tree(whole.directory, own, whole.contents), {})
                self.assert_outputs(name, compiler, command, reply)
                reply.discard()
