"""State files: distcc's own format, what is written when, and what is believed."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from twisted.internet.defer import execute
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.client.journal.units import HOSTILE
from twisted_distcc.client.journal.state_folder import StateFolder
from twisted_distcc.client.journal.state_format import (
    BLOCKED,
    COMPILE,
    LENGTH,
    PREPROCESS,
    RECEIVE,
    State,
    process_of,
)
from twisted_distcc.client.journal.state_writer import StateWriter
from twisted_distcc.client.journal.unit_record import COMPILER, DELIVERY, HOST, TRANSFER
from twisted_distcc.client.journal.unit_watch import UnitWatch

# A file as Debian's distcc 3.4 left it while it compiled on an amd64.
OF_DISTCC = bytes.fromhex(
    "2801000000000000" "0048494400000000" "0c41000000000000"
    + b"hello_world.c".ljust(128, b"\0").hex()
    + b"127.0.0.1".ljust(128, b"\0").hex()
    + "0100000005000000" "0000000000000000"
)  # fmt: skip
HERE = os.getpid()


class FormatTests(SynchronousTestCase):
    def test_as_distcc(self) -> None:
        """A state is packed, and parsed, byte by byte as distcc does it."""
        if struct.calcsize("P") != 8:
            raise self.skipTest("the sample is of a 64-bit machine")
        state = State(16652, "/w/hello_world.c", "127.0.0.1", 1, COMPILE)
        self.assertEqual(state.packed(), OF_DISTCC)
        self.assertEqual(State.parse(OF_DISTCC), State(16652, "hello_world.c", "127.0.0.1", 1, COMPILE))

    def test_parse(self) -> None:
        """What has another length, size or magic number, or is done, is no state."""
        done = State(1, "a.c", "red", 0, 7).packed()
        for data in (b"", OF_DISTCC[:-1], OF_DISTCC + b"\0", b"\xff" * LENGTH, bytes(LENGTH), done):
            self.assertIsNone(State.parse(data))

    def test_hostile(self) -> None:
        """Monitors show what they read: names are written without what a terminal obeys, and cut."""
        packed = State(1, HOSTILE, HOSTILE + "é" * 200, 0, 5).packed()
        self.assertEqual(len(packed), LENGTH)
        read = State.parse(packed)
        assert read is not None
        self.assertTrue(read.file.isprintable() and read.host.isprintable())
        self.assertTrue(read.host.endswith("é"))

    def test_names(self) -> None:
        """The files are told from others by their names."""
        names = ("binstate_12", "binstate_", "binstate_x", "12", "binstate_-1", "binstate_9999999999")
        self.assertEqual([process_of(name) for name in names], [12, None, None, None, None, None])


class FolderTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = StateFolder(self.mktemp())

    def test_round_trip(self) -> None:
        """What is written is read, until it is removed."""
        state = State(HERE, "a.c", "red", 3, COMPILE)
        self.folder.write(State(HERE, "longer.c", "longer", 1, BLOCKED))
        self.folder.write(state)
        self.assertEqual(self.folder.read(), [state])
        self.folder.remove(HERE)
        self.folder.remove(HERE)
        self.assertEqual(self.folder.read(), [])

    def test_of_the_dead(self) -> None:
        """The job of a process that was killed is none, and is swept away."""
        self.folder.write(State(999_999_999, "a.c", "red", 3, COMPILE))
        self.folder.write(State(HERE, "a.c", "red", 3, COMPILE))
        self.assertEqual(len(self.folder.read()), 1)
        self.folder.sweep()
        self.assertEqual(os.listdir(self.folder.path), [f"binstate_{HERE}"])

    def test_hostile(self) -> None:
        """Links, pipes and files about another process are not believed, and not written through."""
        os.makedirs(self.folder.path)
        path = Path(self.folder.path, f"binstate_{HERE}")
        other = Path(self.mktemp())
        other.write_bytes(State(HERE, "a.c", "red", 0, COMPILE).packed())
        before = other.read_bytes()
        for make in (lambda: os.symlink(other.absolute(), path), lambda: os.link(other, path)):
            make()
            self.assertEqual(self.folder.read(), [])
            with self.assertRaises(OSError):
                self.folder.write(State(HERE, "b.c", "red", 0, COMPILE))
            path.unlink()
        self.assertEqual(other.read_bytes(), before)
        os.mkfifo(path)
        self.assertEqual(self.folder.read(), [])
        path.unlink()
        path.write_bytes(State(HERE + 1, "a.c", "red", 0, COMPILE).packed())
        self.assertEqual(self.folder.read(), [])

    def test_nothing(self) -> None:
        """Without the folder there are no jobs."""
        self.assertEqual(StateFolder("/nonexistent").read(), [])


class WriterTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.folder = StateFolder(self.mktemp())
        self.writer = StateWriter(self.clock, execute)

    def watch(self, directory: str | None = None, process: int = HERE) -> UnitWatch:
        watch = UnitWatch(self.clock.seconds, process=process)
        watch.directory, watch.file = directory or self.folder.directory, "src/a.c"
        return watch

    def passes(self, seconds: float) -> list[State]:
        self.clock.pump([0.1] * round(10 * seconds))
        return self.folder.read()

    def test_a_unit(self) -> None:
        """A unit that lasts is shown with what it does, until it is over."""
        watch = self.watch()
        self.writer.begin(watch)
        self.assertEqual(self.passes(0.5), [State(HERE, "a.c", "", 0, PREPROCESS)])
        for part, host, phase in (
            (HOST, "", BLOCKED),
            (TRANSFER, "red:3632/4", COMPILE),
            (DELIVERY, "red:3632/4", RECEIVE),
        ):
            watch.enter(part)
            watch.at(host, 2 if host else -1)
            shown = self.passes(0.5)
            self.assertEqual(shown, [State(HERE, "a.c", host[:8], 2 if host else 0, phase)])
        watch.enter(COMPILER)
        watch.at("", 1)
        self.assertEqual(self.passes(0.5), [State(HERE, "a.c", "localhost", 1, COMPILE)])
        self.writer.end(watch)
        self.assertEqual(self.passes(0.5), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_quick_units(self) -> None:
        """Units that are quick, or are not recorded, cost no file."""
        for _ in range(20):
            watch = self.watch()
            self.writer.begin(watch)
            self.passes(0.1)
            self.writer.end(watch)
        self.writer.begin(UnitWatch(self.clock.seconds, process=HERE))
        self.writer.begin(self.watch(process=0))
        self.passes(1)
        self.assertFalse(os.path.exists(self.folder.path))

    def test_close(self) -> None:
        """A process that ends leaves nothing."""
        self.writer.begin(self.watch())
        self.assertEqual(len(self.passes(0.5)), 1)
        self.writer.close()
        self.assertEqual(os.listdir(self.folder.path), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_sweeps(self) -> None:
        """What a killed process has left is removed."""
        self.folder.write(State(999_999_999, "a.c", "red", 3, COMPILE))
        self.writer.begin(self.watch())
        self.passes(0.5)
        self.assertEqual(os.listdir(self.folder.path), [f"binstate_{HERE}"])

    def test_nowhere(self) -> None:
        """Where nothing can be written, nothing is shown, and nobody fails."""
        self.writer.begin(self.watch("/proc/none"))
        self.writer.begin(self.watch())
        self.passes(1)
        self.writer.close()
