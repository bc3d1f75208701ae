"""Jobs that make more than an object, in the client's own folders, with scripts for compilers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.content.output_capture import MOST_OUTPUT
from twisted_distcc.execution.executor import LongRulesError, NothingMadeError
from twisted_distcc.execution.resource_limits import LimitMetError, Limits
from twisted_distcc.execution.sandbox.bubblewrap import Bubblewrap
from twisted_distcc.execution.sandbox.builder import build
from twisted_distcc.execution.sandbox.jail import PROGRAM, Jail
from twisted_distcc.execution.sandbox.trial import attempt
from twisted_distcc.jobs.expected_outputs import MOST
from twisted_distcc.jobs.model import DEPENDENCIES, OBJECT, Reply
from twisted_distcc.jobs.plain_trees import pack_tree

ENVIRON = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}
COMMAND = "gcc -MD -g -gsplit-dwarf -fstack-usage -c a.c -o obj/a.o"
NOTHING_SET: Mapping[str, str] = MappingProxyType({})
HONEST = "echo object >obj/a.o; echo split >obj/a.dwo; echo a.o: a.c >obj/a.d"
# What `ln` has given a second name, and that name.
UNLIKE = {"/p/obj/a.su", "/p/obj/a.o", "/p/a.c"}
MADE = {OBJECT: b"object\n", DEPENDENCIES: b"a.o: a.c\n", "/p/obj/a.dwo": b"split\n"}


class ChangeableTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(os.path.abspath(self.mktemp()))
        self.spool = self.folder / "spool"
        self.spool.mkdir(parents=True)

    def ran(
        self, script: str, *, space: int = Limits().space, environ: Mapping[str, str] = NOTHING_SET
    ) -> Reply:
        """Run a script as the compiler of `COMMAND`, in the folder `/p`."""
        compiler = self.folder / "gcc"
        compiler.write_text(f"#!/bin/sh\n{script}")
        compiler.chmod(0o755)
        place = build(Limits(space=space), ENVIRON, str(self.spool), careful=False)
        place.learn(str(compiler))
        command = parse(COMMAND.split(), arrived=True, with_files=True, confined=True)
        assert isinstance(command, Compilation)
        files = {b"/p/a.c": b"int a;\n", b"/p/sub/b.h": b"b", b"/p/obj/.twisted-distcc": b""}
        tree = pack_tree(b"/p", files, {b"/p/link": b"sub"})
        with place.prepare_tree(str(compiler), command, tree, environ, "ada") as job:
            return attempt(job)

    def made(self, script: str, *, space: int = Limits().space) -> dict[str, bytes]:
        reply = self.ran(script, space=space)
        self.addCleanup(reply.discard)
        self.assertEqual((reply.status, reply.stderr.read()), (0, b""))
        return {name: body.read() for name, body in reply.outputs.items()}

    def kept_back(self, script: str, *, space: int = Limits().space) -> str:
        """Run an honest compiler that does something else, too; return what is told of that, alone."""
        ((name, contents),) = self.made(f"{HONEST}\n{script}", space=space).items()
        self.assertEqual(contents, b"")
        self.assertEqual(self.made(HONEST), MADE)  # the next job finds nothing of it
        kept = {name.partition("-")[0] for name in os.listdir(self.spool)}
        self.assertLessEqual(kept, {"files", "tree"})
        return name


class OutputTests(ChangeableTestCase):
    def test_all(self) -> None:
        """It sees the client's files, and what it makes by the names in the command is the reply."""
        self.assertEqual(
            self.made(f"cat a.c link/b.h >obj/a.su; {HONEST}"), MADE | {"/p/obj/a.su": b"int a;\nb"}
        )

    def test_as_typed(self) -> None:
        """It is started with the words of the client."""
        self.assertEqual(self.ran(f'{HONEST}; echo "$@"').stdout.read(), COMMAND[4:].encode() + b"\n")

    def test_order(self) -> None:
        """They come in the order in which they were completed."""
        script = "touch -d @{} obj/a.o; touch -d @{} obj/a.dwo; touch -d @{} obj/a.d"
        for times in ((1, 2, 3), (3, 2, 1), (2, 3, 1)):
            names = [OBJECT, "/p/obj/a.dwo", DEPENDENCIES]
            in_order = [names[times.index(time)] for time in (1, 2, 3)]
            self.assertEqual(list(self.made(f"{HONEST}; {script.format(*times)}")), in_order)
        alike = script.format(1, 1, 1)
        self.assertEqual(list(self.made(f"{HONEST}; {alike}")), [DEPENDENCIES, "/p/obj/a.dwo", OBJECT])

    def test_large(self) -> None:
        """A large one is a file of the reply's own, which is gone with it."""
        reply = self.ran(f"{HONEST}; head -c 1000000 /dev/urandom >obj/a.dwo")
        self.assertEqual(reply.outputs["/p/obj/a.dwo"].length, 1_000_000)
        reply.discard()
        kept = {name.partition("-")[0] for name in os.listdir(self.spool)}
        self.assertEqual(kept, {"files", "tree"})

    def test_temporary_files(self) -> None:
        """What is in its own folder stays there, and what it has removed again was never made."""
        self.assertEqual(self.made(f"{HONEST}; echo x >$TMPDIR/x; echo x >obj/x; rm obj/x"), MADE)

    def test_temporary_folder(self) -> None:
        """The client may say where temporary files are: there they show, unless they are removed."""
        script = f"{HONEST}; echo x >$TMPDIR/x; echo $TMPDIR; rm /p/sub/x"
        reply = self.ran(script, environ={"TMPDIR": "/p/sub"})
        self.assertEqual((reply.status, reply.stdout.read()), (0, b"/p/sub\n"))
        self.assertEqual({name: body.read() for name, body in reply.outputs.items()}, MADE)
        left = self.ran(f"{HONEST}; echo x >$TMPDIR/x", environ={"TMPDIR": "/p/sub"})
        self.assertEqual(set(left.outputs), {"/p/sub/x"})

    def test_failures(self) -> None:
        """One that failed has made nothing, whatever it wrote."""
        reply = self.ran(f"{HONEST}; exit 3")
        self.assertEqual((reply.exit_code, dict(reply.outputs)), (3, {}))

    def test_no_object(self) -> None:
        """Without an object there is nothing, and a dependency file has its bound."""
        self.assertRaises(NothingMadeError, self.ran, "echo split >obj/a.dwo")
        self.assertRaises(NothingMadeError, self.ran, ": >obj/a.o")
        self.assertRaises(LongRulesError, self.ran, f"{HONEST}; truncate -s {MOST_OUTPUT + 1} obj/a.d")


class UnforeseenTests(ChangeableTestCase):
    def test_other_files(self) -> None:
        """A file that the command does not make is told by its name, and everything is kept back."""
        for deed, name in (
            ("echo x >obj/a.gcno", "/p/obj/a.gcno"), ("echo x >new", "/p/new"),
            ("echo x >>a.c", "/p/a.c"), ("echo x >/new", "/new"), ("mkdir new", "/p/new"),
            ("echo x >/p/obj/a.o.", "/p/obj/a.o."), ("echo x >link/b.h", "/p/sub/b.h"),
            ("mkdir -p /home/ada; echo >/home/ada/.profile", "/home"),
            ("rm a.c", "/p/a.c"), ("rm link", "/p/link"),
            ("echo x >'obj/a\nfile 644 1 1 1'", "/p/obj/a\nfile 644 1 1 1"),
            ("echo x >\"obj/$(printf '\\377')\"", os.fsdecode(b"/p/obj/\xff")),
        ):  # fmt: skip
            self.assertEqual(self.kept_back(deed), name, deed)

    def test_other_kinds(self) -> None:
        """So is a link, a fifo or a folder in the place of a file, and one that cannot be read."""
        for deed in (
            "ln -s /etc/passwd", "ln -s a.o", "mkfifo", "mkdir", "ln obj/a.o", "ln a.c",
            "ln -s /dev/zero",
        ):  # fmt: skip
            self.assertIn(self.kept_back(f"{deed} obj/a.su"), UNLIKE, deed)

    def test_thousands(self) -> None:
        """However many there are, one is told."""
        self.kept_back(f"i=0; while [ $i != {MOST + 100} ]; do : >obj/$i; i=$((i + 1)); done")
        deep = "i=0; while [ $i != 300 ] && mkdir d && cd d; do i=$((i + 1)); done"
        self.assertEqual(self.kept_back(deep), "/p/d")

    def test_huge(self) -> None:
        """Files that are larger together than a job's memory are not passed out, though sparse."""
        many = "for one in obj/a.su obj/a.dwo obj/a.d; do truncate -s 10000000 $one; done"
        self.assertIn(
            self.kept_back(many, space=20_000_000), {"/p/obj/a.su", "/p/obj/a.dwo", "/p/obj/a.d"}
        )

    def test_space(self) -> None:
        """All that it writes counts, wherever it is."""
        for place in ("obj/a.su", "$TMPDIR/x", "/x"):
            script = f"head -c 3000000 /dev/urandom >{place} || exit 1; {HONEST}"
            with self.assertRaises(LimitMetError, msg=place):
                self.ran(script, space=2_000_000)

    def test_the_toolchain(self) -> None:
        """What the server shows cannot be changed."""
        script = "for one in /usr/bin/x /usr/lib/x /dev/x; do echo x 2>&- >$one && echo $one; done; true"
        reply = self.ran(f"{HONEST}; {script}")
        self.assertNotIn(b"/usr", reply.stdout.read())


class ConfinerTests(SynchronousTestCase):
    def test_who_can(self) -> None:
        """Our jail can, where the kernel can; bubblewrap cannot, nor a program that is none of ours."""
        folder = os.path.abspath(self.mktemp())
        self.assertTrue(Jail(PROGRAM).keeps_changes(folder))
        self.assertFalse(Jail("/bin/true").keeps_changes(folder))
        self.assertFalse(Jail("/no/such").keeps_changes(folder))
        self.assertFalse(Bubblewrap("/bin/bwrap", "/bin/sh", "/bin/cat").keeps_changes(folder))
        self.assertEqual(os.listdir(folder), [])
