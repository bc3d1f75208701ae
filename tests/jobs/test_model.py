"""Requests and replies as the program sees them."""

from __future__ import annotations

import os
import signal
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.content.body import EMPTY, Body
from twisted_distcc.jobs.model import DEPENDENCIES, OBJECT, Reply


class ReplyTests(SynchronousTestCase):
    def test_exit_codes(self) -> None:
        """A wait status is an exit code, or 128 and the signal that killed."""
        for status, code in ((0, 0), (1 << 8, 1), (116 << 8, 116), (signal.SIGKILL, 137)):
            self.assertEqual(Reply(status).exit_code, code)

    def test_a_core_dump_is_a_signal_too(self) -> None:
        """The bit that tells of a core dump does not hide the signal."""
        self.assertEqual(Reply(signal.SIGSEGV | 0x80).exit_code, 128 + signal.SIGSEGV)

    def test_a_sentence(self) -> None:
        """A sentence stands where a compiler's messages would, one line, with its exit code."""
        reply = Reply.sentence(110, "no \udcff compiler")
        self.assertEqual(reply.exit_code, 110)
        self.assertEqual(reply.stderr.read(), b"no \xff compiler\n")
        self.assertEqual((reply.stdout.length, reply.object_file.length), (0, 0))

    def test_outputs(self) -> None:
        """Outputs have names; the two that protocols 1 to 3 know can be given, and had, by their own."""
        made, rules, notes = Body.of(b"object"), Body.of(b"a.o: a.c"), Body.of(b"notes")
        reply = Reply(0, object_file=made, dependencies=rules)
        self.assertEqual(reply, Reply(0, outputs={OBJECT: made, DEPENDENCIES: rules}))
        self.assertEqual((reply.object_file, reply.dependencies), (made, rules))
        self.assertEqual(reply, Reply(0, EMPTY, EMPTY, made, rules))
        more = Reply(0, dependencies=rules, outputs={OBJECT: made, "a.gcno": notes})
        self.assertEqual(more.outputs, {OBJECT: made, "a.gcno": notes, DEPENDENCIES: rules})
        self.assertEqual(more.bodies, (EMPTY, EMPTY, made, rules, notes))
        self.assertEqual(replace(more, stdout=notes).bodies, (EMPTY, notes, made, rules, notes))

    def test_no_output(self) -> None:
        """An empty object or dependency file is none; what is not there is had as empty."""
        reply = Reply(256, object_file=Body.of(b""), dependencies=EMPTY)
        self.assertEqual((reply.outputs, reply.object_file, reply.dependencies), ({}, EMPTY, EMPTY))

    def test_all_bodies_are_discarded(self) -> None:
        """The files of all outputs go with a reply, whatever their names."""
        paths = [self.mktemp() for _ in range(3)]
        bodies = []
        for path in paths:
            with open(path, "wb") as file:
                file.write(b"x")
            bodies.append(Body(1, path=path))
        Reply(0, bodies[0], outputs={OBJECT: bodies[1], "more": bodies[2]}).discard()
        self.assertEqual([path for path in paths if os.path.exists(path)], [])
