"""Servers that mean harm, in memory: nothing but the output that the command asked for is written."""

from __future__ import annotations

import os
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from tests.client.in_memory import OBJECT, DispatchTestCase, held_server, speaking
from tests.wire.samples import put, reply, reply_writer
from twisted_distcc.client.terminal import shown
from twisted_distcc.content.body import Body
from twisted_distcc.content.lzo import compress
from twisted_distcc.jobs.model import Reply

GOOD: Final = put(reply_writer(), reply(1, 0, b"warned\n", b"", OBJECT))
SILENT: Final = put(reply_writer(), reply(1, 0, b"", b"", OBJECT))
COLOURS: Final = (
    b"\x1b[01m\x1b[Kx.c:1:\x1b[m\x1b[K \x1b[01;35m\x1b[Kwarning: \x1b[m\x1b[K\tcaf\xc3\xa9\n"
)
# What terminals obey, and what is to be seen of it.
OBEYED: Final = {
    b"\x1b]0;title\x07": b"?]0;title?",
    b"\x1b]52;c;ZXZpbA==\x1b\\": b"?]52;c;ZXZpbA==?\\",
    b"\x1b]8;;http://x\x1b\\here": b"?]8;;http://x?\\here",
    b"\x1b[2J\x1b[H": b"?[2J?[H",
    b"\x1b[1K\x1b[2K": b"?[1K?[2K",
    b"\x1b[6n\x1bc\x1bP$q": b"?[6n?c?P$q",
    b"\x1b[" + b"1;" * 30 + b"m": b"?[" + b"1;" * 30 + b"m",
    b"hidden\rshown": b"hidden?shown",
    b"\x08\x08\x0c\x0b\x7f\x00": b"??????",
    b"\xc2\x9b2J \xc2\x9d": b"?2J ?",
    b"\x1b": b"?",
}


class WordTests(SynchronousTestCase):
    """`client.terminal`."""

    def test_colours(self) -> None:
        """Text, its colours as gcc and clang write them, and ends of lines of all kinds stay."""
        for said in (COLOURS, b"a\r\nb\tc\n", b"\x1b[0;1;31merror: \x1b[0m", b"\x1b[38:2:1:2:3mx\x1b[m"):
            self.assertEqual(shown(said, utf_8=True), said)

    def test_obeyed(self) -> None:
        """What a terminal would obey is a question mark."""
        for said, seen in OBEYED.items():
            self.assertEqual(shown(said, utf_8=True), seen)
            among = COLOURS + said + COLOURS
            self.assertEqual(shown(among, utf_8=True), COLOURS + seen + COLOURS)


class ReplyTests(DispatchTestCase):
    def speak(self, words: bytes, *, hangs_up: bool = True, options: str = "/1") -> None:
        self.environ["DISTCC_BACKOFF_PERIOD"] = "0"
        self.serve(speaking(words, hangs_up=hangs_up), options=options)

    def test_hanging_up_anywhere(self) -> None:
        """Wherever a server hangs up, the compile is done here, and nothing is written."""
        for end in range(len(GOOD)):
            self.speak(GOOD[:end])
            self.here(self.compile())
            self.nothing_is_left()

    def test_silent_anywhere(self) -> None:
        """Wherever a server falls silent, the compile is done here when the time is up."""
        for end in range(0, len(GOOD), 7):
            self.speak(GOOD[:end], hangs_up=False)
            running = self.begin(self.invocation())
            self.assertNoResult(running)
            self.network.advance(300)
            self.network.settle()
            self.here(self.successResultOf(running))
            self.nothing_is_left()

    def test_too_much(self) -> None:
        """What comes after a reply belongs to nobody."""
        for more in (b"\0", GOOD, bytes(100_000)):
            self.speak(SILENT + more)
            self.finished(self.compile())
            self.assertEqual((self.work / "hello.o").read_bytes(), OBJECT)
            self.nothing_is_left("hello.o")
            (self.work / "hello.o").unlink()

    def test_no_status(self) -> None:
        """A status with which no program ends is no reply."""
        for status in (0x7F, 0x137F, 0x10000, 0xFFFF_FFFF, 0xFF):
            self.speak(put(reply_writer(), reply(1, status, b"", b"", OBJECT)))
            self.here(self.compile())
            self.nothing_is_left()

    def test_an_object_of_a_failure(self) -> None:
        """An object beside a status that is no success is not written, whatever is done then."""
        words = put(reply_writer(), reply(1, 1 << 8, b"", b"", OBJECT))
        self.speak(words)
        self.here(self.compile())
        self.environ["DISTCC_SKIP_LOCAL_RETRY"] = "1"
        self.speak(words)
        self.assertEqual(self.finished(self.compile()).exit_code, 1)
        self.nothing_is_left()

    def test_bad_bodies(self) -> None:
        """A compressed reply of which one body is bad is none, whichever it is."""
        bodies = (compress(b"warned\n"), b"", compress(OBJECT))
        for number in range(3):
            bad = [b"\xff" * 40 if place == number else body for place, body in enumerate(bodies)]
            self.speak(put(reply_writer(), reply(2, 0, *bad)), options="/1,lzo")
            self.here(self.compile())
            self.nothing_is_left()

    def test_words_for_the_terminal(self) -> None:
        """The words of a server whose failure is believed arrive as colours and text."""
        self.environ |= {"DISTCC_SKIP_LOCAL_RETRY": "1", "LC_ALL": "C.UTF-8"}
        for said, seen in OBEYED.items():
            self.speak(put(reply_writer(), reply(1, 1 << 8, COLOURS + said, said, b"")))
            outcome = self.finished(self.compile())
            self.assertEqual((outcome.stderr, outcome.stdout), (COLOURS + seen, seen))

    def test_a_sentence_for_the_terminal(self) -> None:
        """So does a refusal, of which a few lines are read at most."""
        words = b"\x1b]0;title\x07" + b"x" * 100_000 + b"\x1b[2J\n"
        self.speak(put(reply_writer(), reply(1, 113 << 8, words, b"", b"")))
        self.here(self.compile())
        self.assertTrue(self.told.warned)
        for warning in self.told.warned:
            self.assertTrue(warning.isprintable(), warning)
            self.assertLess(len(warning), 3000)


class PlantedTests(DispatchTestCase):
    """What stands where the object goes may be another when the object comes."""

    def planted(self) -> None:
        """Have a reply come after something was put in place of the output, which is left alone."""
        server = held_server()
        self.serve(server)
        running = self.begin(self.invocation())
        self.plant()
        before = os.lstat(self.work / "hello.o"), os.stat(self.work / "hello.o")
        server.replies[0].callback(Reply(0, object_file=Body.of(OBJECT)))
        self.network.settle()
        self.here(self.successResultOf(running))
        self.assertEqual((os.lstat(self.work / "hello.o"), os.stat(self.work / "hello.o")), before)
        self.nothing_is_left("hello.o")

    def test_a_pipe(self) -> None:
        """A pipe stays, and the compiler has to do with it."""
        self.plant = lambda: os.mkfifo(self.work / "hello.o")
        self.planted()

    def test_a_link_to_a_pipe(self) -> None:
        """So do a link, and the pipe, or the device, that it leads to."""
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        self.plant = lambda: os.symlink(pipe, self.work / "hello.o")
        self.planted()
        self.assertTrue(pipe.is_fifo())

    def test_a_folder(self) -> None:
        """So does a folder."""
        self.plant = lambda: os.mkdir(self.work / "hello.o")
        self.planted()

    def test_a_link_to_a_file(self) -> None:
        """So does a link to a file, and the file is not touched."""
        target = self.folder / "target.o"
        target.write_bytes(b"old")
        self.plant = lambda: os.symlink(target, self.work / "hello.o")
        self.planted()
        self.assertEqual(target.read_bytes(), b"old")
