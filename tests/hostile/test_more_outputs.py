"""Servers that send other outputs than a command makes: nothing of such a reply is written."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.hosts import TcpHost
from twisted_distcc.client.inputs.candidate import Candidate, StaysHere
from twisted_distcc.client.invocation import Invocation
from twisted_distcc.client.results.delivery import Compiled, deliver
from twisted_distcc.content.body import Body
from twisted_distcc.jobs.model import DEPENDENCIES, OBJECT, Reply, Request, Tree

HONEST = {OBJECT: b"object", "obj/w.su": b"stack", "obj/w.l": b"lines"}


class RepliesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.home = Path(os.path.abspath(self.mktemp()))
        self.work = self.home / "work"
        (self.work / "obj").mkdir(parents=True)
        (self.work / "w.c").write_text("int a;\n")

    def candidate(self) -> Candidate:
        argv = ("gcc", "-fstack-usage", "-Wa,-aln=obj/w.l", "-c", "w.c", "-o", "obj/w.o")
        return Candidate.of(Invocation(argv, str(self.work), {}, 0o022), "/usr/bin/gcc")

    def deliver(self, outputs: dict[str, bytes]) -> None:
        """Deliver what a server has sent; names are relative to the working directory."""
        named = {
            name if name in (OBJECT, DEPENDENCIES, "") else os.path.join(self.work, name): Body.of(data)
            for name, data in outputs.items()
        }
        request = Request((b"gcc",), tree=Tree(os.fsencode(self.work), ()), makes_more=True)
        compiled = Compiled(TcpHost("red"), request, Reply(0, outputs=named), None)
        deliver(self.candidate(), compiled)

    def left(self) -> dict[str, bytes]:
        files = (path for path in self.home.rglob("*") if path.is_file())
        return {str(path.relative_to(self.work)): path.read_bytes() for path in files}

    def test_honest(self) -> None:
        """What the command makes is written where it says, however few of it there is."""
        self.deliver(HONEST)
        made = {"obj/w.o": b"object", "obj/w.su": b"stack", "obj/w.l": b"lines"}
        self.assertEqual(self.left(), {"w.c": b"int a;\n", **made})

    def test_others(self) -> None:
        """A name that the command does not make, wherever it leads, leaves all to the compiler."""
        for name in (
            "../.profile", "obj/w.gcno", "w.su", "obj/../obj/w.su", "obj/./w.su", "obj//w.su", "w.c", "",
            "obj/w.su\0", "obj/w.su\n", "obj/w.o", DEPENDENCIES, "/etc/ld.so.preload", "obj/w.su/x",
            "obj/w.l/x", "w.l", "obj/w.l\0",
        ):  # fmt: skip
            for outputs in ({**HONEST, name: b"evil"}, {name: b"evil", **HONEST}, {name: b""}):
                with self.assertRaises(StaysHere, msg=name):
                    self.deliver(outputs)
                self.assertEqual(self.left(), {"w.c": b"int a;\n"}, name)

    def test_thousands(self) -> None:
        """However many there are, none is written."""
        with self.assertRaises(StaysHere):
            self.deliver({OBJECT: b"object", **{f"obj/{number}": b"evil" for number in range(5000)}})
        self.assertEqual(self.left(), {"w.c": b"int a;\n"})

    def test_what_is_there(self) -> None:
        """A link in the place of an output is not followed, though it came while the server worked."""
        secret = self.home / "secret"
        secret.write_text("mine")
        (self.work / "obj/w.su").symlink_to(secret)
        with self.assertRaises(StaysHere):
            self.deliver(HONEST)
        self.assertEqual(secret.read_text(), "mine")
