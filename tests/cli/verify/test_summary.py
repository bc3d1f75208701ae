"""What is said of findings."""

import json
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cli.verify.differences import Ran
from twisted_distcc.cli.verify.summary import Result, as_json, keep, table
from twisted_distcc.cli.verify.twice import Finding
from twisted_distcc.cli.verify.units import Command, Stays, Unit

HERE = Ran(0, {"object": b"one", "standard error": b""})
THERE = Ran(0, {"object": b"two", "standard error": b""})


def unit(source: str) -> Unit:
    """A unit of a project below `/p q`."""
    command = Command("/p q", ("gcc", "-c", source), {})
    return Unit(command, "/bin/gcc", source, {"object": "/p q/x.o"})


SAME = Finding(unit("same.c"), HERE, HERE)
WRONG = Finding(
    unit("wrong.c"), HERE, THERE, "tdistcc: compiling wrong.c on far\n", {"object": "byte 0 on"}
)
UNSTABLE = Finding(unit("time.c"), HERE, THERE, "", {"object": ".data"}, frozenset({"object"}))
BROKEN = Finding(unit("broken.c"), Ran(1, {"standard error": b"no such header\nmore\n"}))
BACK = Finding(unit("back.c"), HERE, HERE, "tdistcc: compiling here: no host\n")
STAYS = Stays(Command("/p", ("gcc", "-march=native", "-c", "n.c"), {}), "it is native")
ALL = Result([SAME, WRONG, UNSTABLE, BROKEN, BACK], [STAYS])


class ResultTests(SynchronousTestCase):
    """What counts as success."""

    def test_success(self) -> None:
        """Nothing differs, and a server did something; units that fell back do no harm then."""
        self.assertTrue(Result([SAME, BACK, UNSTABLE], [STAYS]).success)

    def test_different(self) -> None:
        """One difference is enough."""
        self.assertFalse(Result([SAME, WRONG], []).success)

    def test_nothing_done(self) -> None:
        """Where servers did nothing, nothing is proved."""
        for findings in ([], [BACK], [BROKEN]):
            self.assertFalse(Result(findings, []).success)


class TextTests(SynchronousTestCase):
    """The table for people."""

    def test_table(self) -> None:
        """Counts, then what differs with a line to type, then reasons."""
        self.assertEqual(
            table(ALL, "p").splitlines(),
            [
                "p",
                "       6 units",
                "       2 identical",
                "       1 different",
                "       1 not the same twice on this machine",
                "       1 do not compile on this machine",
                "       2 not entirely done by a server",
                "",
                "DIFFERENT: /p q/wrong.c",
                "  object: byte 0 on",
                "  cd '/p q' && tdistcc gcc -c wrong.c",
                "",
                "Does not compile on this machine: /p q/broken.c",
                "  no such header",
                "",
                "1 times, compiling here: no host",
                "  /p q/back.c",
                "",
                "1 times, compiling here: it is native",
                "  gcc -march=native -c n.c",
            ],
        )

    def test_many(self) -> None:
        """Of many units with one reason a few are named; the most frequent reason comes first."""
        other = Finding(unit("other.c"), HERE, HERE, "tdistcc: compiling here: rare\n")
        lines = table(Result([other, *[BACK] * 9], []), "p").splitlines()
        self.assertEqual(lines[8], "9 times, compiling here: no host")
        self.assertEqual(lines[9:15], ["  /p q/back.c"] * 5 + ["  ..."])
        self.assertEqual(lines[16], "1 times, compiling here: rare")


class JsonTests(SynchronousTestCase):
    """The object for programs."""

    def test_all(self) -> None:
        """It has the same counts, and every unit that is not simply identical."""
        value = json.loads(as_json(ALL))
        self.assertEqual((value["units"], value["identical"]), (6, 2))
        (wrong,) = value["different"]
        self.assertEqual(wrong["source"], "/p q/wrong.c")
        self.assertEqual(wrong["command"], ["gcc", "-c", "wrong.c"])
        self.assertEqual(wrong["differences"], {"object": "byte 0 on"})
        self.assertEqual(len(value["unstable"]), 1)
        self.assertEqual(len(value["broken"]), 1)
        reasons = {group["reason"]: group["sources"] for group in value["fell_back"]}
        self.assertEqual(reasons["compiling here: no host"], ["/p q/back.c"])


class KeepTests(SynchronousTestCase):
    """Folders with both sides."""

    def test_both_sides(self) -> None:
        """What differs is kept from both sides, with the command; what does not is not kept."""
        folder = Path(self.mktemp()) / "new"
        keep(ALL, folder)
        self.assertEqual([place.name for place in folder.iterdir()], ["1-wrong.c"])
        place = folder / "1-wrong.c"
        self.assertEqual((place / "here" / "object").read_bytes(), b"one")
        self.assertEqual((place / "there" / "object").read_bytes(), b"two")
        self.assertEqual((place / "there" / "standard-error").read_bytes(), b"")
        self.assertEqual((place / "there" / "log").read_text(), WRONG.said)
        self.assertEqual((place / "command").read_text(), "cd '/p q' && tdistcc gcc -c wrong.c\n")
