"""What a job with a tree can see and change, with scripts for compilers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.content.output_capture import MOST_OUTPUT
from twisted_distcc.execution.executor import LongRulesError, NothingMadeError
from twisted_distcc.execution.inputs.names import BadTreeError
from twisted_distcc.execution.resource_limits import LimitMetError, Limits
from twisted_distcc.execution.sandbox.builder import build
from twisted_distcc.execution.sandbox.trial import attempt
from twisted_distcc.jobs.model import Reply
from twisted_distcc.jobs.plain_trees import pack_tree

ENVIRON = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}
# The last word of the command is the object, and the one before the last but one the dependency file.
OUTPUTS = "for object; do :; done\nrules=${object%.o}.d\n"


class TreeTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(os.path.abspath(self.mktemp()))
        self.spool = self.folder / "spool"
        self.spool.mkdir(parents=True)
        self.secret = self.folder / "secret"
        self.secret.write_text("#error secret\n")

    def ran(
        self,
        script: str,
        links: Mapping[bytes, bytes] | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        space: int = Limits().space,
    ) -> Reply:
        """Run a script as the compiler of a tree with one source, in the folder `/p`."""
        compiler = self.folder / "gcc"
        compiler.write_text(f"#!/bin/sh\n{OUTPUTS}{script}")
        compiler.chmod(0o755)
        return self.compiled(str(compiler), links, environ, space=space)

    def compiled(
        self,
        compiler: str,
        links: Mapping[bytes, bytes] | None = None,
        environ: Mapping[str, str] | None = None,
        source: bytes = b"int a;\n",
        space: int = Limits().space,
    ) -> Reply:
        place = build(Limits(space=space), ENVIRON, str(self.spool), careful=False)
        place.learn(compiler)
        command = parse(["gcc", "-MD", "-c", "a.c", "-o", "a.o"], arrived=True, with_files=True)
        assert isinstance(command, Compilation)
        tree = pack_tree(b"/p", {b"/p/a.c": source, b"/p/sub/b.h": b"b"}, links or {})
        with place.prepare_tree(compiler, command, tree, environ or {}, "ada") as job:
            return attempt(job)


class ScriptTests(TreeTestCase):
    def test_what_it_sees(self) -> None:
        """It works in the client's folder, with its own for what is temporary."""
        script = "echo x >$object; echo $PWD $TMPDIR $LC_ALL; pwd -P; ls; ls $TMPDIR; cat a.c sub/b.h"
        reply = self.ran(script, environ={"LC_ALL": "C"})
        said = b"/p /.job-0 C\n/p\na.c\nsub\noutput.o\nint a;\nb"
        self.assertEqual((reply.stdout.read(), reply.stderr.read()), (said, b""))

    def test_what_it_makes(self) -> None:
        """Object and rules leave by descriptors; nothing else does."""
        reply = self.ran("echo object >$object; echo rules >$rules; echo more >$TMPDIR/more")
        self.assertEqual(reply.object_file.read(), b"object\n")
        self.assertEqual(reply.dependencies.read(), b"rules\n")
        kept = {name.partition("-")[0] for name in os.listdir(self.spool)}
        self.assertEqual(kept, {"files", "tree"})

    def test_too_many_rules(self) -> None:
        """A dependency file that no reply can hold is told of, and left nowhere, nor is the object."""
        with self.assertRaises(LongRulesError):
            self.ran(f"truncate -s {MOST_OUTPUT + 1} $rules; truncate -s 100000 $object")
        kept = [name for name in os.listdir(self.spool) if not name.startswith(("tree-", "files"))]
        self.assertEqual(kept, [])

    def test_what_is_nothing(self) -> None:
        """Links, folders and fifos are neither objects nor rules."""
        for make in ("ln -s a.c", "mkdir", "mkfifo", "ln -s /p/sub/b.h"):
            reply = self.ran(f"echo x >$object; {make} $rules")
            self.assertEqual((reply.object_file.read(), reply.dependencies.length), (b"x\n", 0), make)
            with self.assertRaises(NothingMadeError, msg=make):
                self.ran(f"{make} $object")

    def test_failures(self) -> None:
        """One that failed has made nothing, whatever it wrote."""
        reply = self.ran("echo x >$object; echo x >$rules; exit 3")
        lengths = (reply.exit_code, reply.object_file.length, reply.dependencies.length)
        self.assertEqual(lengths, (3, 0, 0))

    def test_the_tree_stays(self) -> None:
        """Nothing of the tree can be changed, by any name, nor anything beside it."""
        tries = (
            "echo y >a.c", "echo y >/p/sub/new", "rm a.c", "mv sub sup", "chmod 777 a.c", "touch a.c",
            "ln -s x l", "mkdir /new", "echo y >/usr/include/new", "echo y >l/a.c", "rm l",
        )  # fmt: skip
        script = "echo x >$object\n" + "\n".join(f"{one} && echo 'done: {one}' >&2" for one in tries)
        self.assertNotIn(b"done:", self.ran(script + "\ntrue", {b"/p/l": b"/p"}).stderr.read())
        (tree,) = self.spool.glob("tree-*")
        self.assertEqual(sorted(os.listdir(tree / "p")), ["a.c", "l", "sub"])
        self.assertEqual((tree / "p/a.c").read_bytes(), b"int a;\n")

    def test_all_names_of_a_compiler(self) -> None:
        """By whichever name a compiler is asked for: one tree is kept, and not one for each name."""
        compiler = self.folder / "gcc"
        compiler.write_text(f"#!/bin/sh\n{OUTPUTS}echo x >$object")
        compiler.chmod(0o755)
        names = [self.folder / name for name in ("cc", "x86_64-gcc", "gcc-12")]
        place = build(Limits(), ENVIRON, str(self.spool), careful=False)
        command = parse(["gcc", "-c", "a.c", "-o", "a.o"], arrived=True, with_files=True)
        assert isinstance(command, Compilation)
        for name in names:
            name.symlink_to(compiler)
            place.learn(str(name))
            tree = pack_tree(b"/p", {b"/p/a.c": b"int a;\n"}, {})
            with place.prepare_tree(str(name), command, tree, {}, "ada") as job:
                self.assertEqual(attempt(job).exit_code, 0)
        self.assertEqual(len(list(self.spool.glob("tree-*"))), 1)

    def test_space(self) -> None:
        """What it writes is limited."""
        with self.assertRaises(LimitMetError) as caught:
            self.ran("head -c 8m /dev/urandom >$TMPDIR/large || exit 1", space=1024 * 1024)
        self.assertEqual(caught.exception.limit, "sandbox-space")


class CompilerTests(TreeTestCase):
    """gcc itself, with sources and links that look for what is the server's."""

    def assert_no_secret(self, source: bytes, links: Mapping[bytes, bytes]) -> None:
        reply = self.compiled("/usr/bin/gcc", links, None, source)
        said = reply.stderr.read()
        self.assertEqual(reply.exit_code, 1, said)
        self.assertNotIn(b"#error secret", said)

    def test_the_servers_files(self) -> None:
        """Nothing of the machine can be included, by its name or over links."""
        secret = os.fsencode(self.secret)
        for name in (secret, b"/oldroot" + secret, b"/newroot" + secret, b"../" * 30 + secret[1:]):
            self.assert_no_secret(b'#include "%b"\n' % name, {})
            self.assert_no_secret(b'#include "l"\n', {b"/p/l": name})
            self.assert_no_secret(b'#include "/l/x"\n', {b"/l": os.path.dirname(name)})

    def test_links_over_the_compiler(self) -> None:
        """A link at or above what is mounted is refused before anything is made of it."""
        theirs = b"/oldroot" + os.fsencode(self.folder)
        for path in (b"/usr", b"/usr/lib", b"/usr/lib/gcc", b"/usr/bin", b"/lib64", b"/dev"):
            with self.assertRaises(BadTreeError, msg=path):
                self.compiled("/usr/bin/gcc", {path: theirs})
        self.assertEqual(sorted(os.listdir(self.folder)), ["secret", "spool"])

    def test_links_that_are_the_same_here(self) -> None:
        """Links that the server has just so are no hindrance."""
        links = {os.fsencode(path): os.fsencode(os.readlink(path)) for path in ("/lib", "/lib64")}
        self.assertEqual(self.compiled("/usr/bin/gcc", links).exit_code, 0)
