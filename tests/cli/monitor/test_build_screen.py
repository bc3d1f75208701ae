"""A monitor's view as lines, and as a screen of any size."""

from __future__ import annotations

from io import StringIO

from rich.console import Console
from twisted.trial.unittest import SynchronousTestCase

from tests.cli.monitor.test_build_view import view
from tests.client.journal.units import HOSTILE, local, unit
from twisted_distcc.cli.monitor.build_screen import drawn, line_of, lines_of
from twisted_distcc.cli.monitor.build_view import HERE, View
from twisted_distcc.client.journal.state_format import BLOCKED, COMPILE, State

A_VIEW = (
    State(1, "a.c", "red", 0, COMPILE),
    State(2, "b.c", "red", 2, COMPILE),
    State(3, "c.c", "", 0, BLOCKED),
)
A_BUILD = (unit("x.c", host="red/3"), unit("y.c", host="blue/1"), local("z.c"))


def screen(shown: View, width: int, height: int) -> list[str]:
    """Return the rows of a terminal."""
    output = StringIO()
    console = Console(file=output, width=width, height=height, markup=False, emoji=False)
    console.print(drawn(shown, width, height))
    return output.getvalue().splitlines()


class LinesTests(SynchronousTestCase):
    def test_all(self) -> None:
        """The build, each slot of each host, what has no host, and why units stayed here."""
        self.assertEqual(
            list(lines_of(view(*A_VIEW, build=A_BUILD))),
            [
                "3 units done in 10.0 s; 3 in flight.",
                "2 on servers (67 %), 1 here.",
                "red           2 of 3 busy, 1 done, 1 a minute",
                "   1  compiling      1.0 s  a.c",
                "   2  idle",
                "   3  compiling      2.0 s  b.c",
                "blue          0 of 1 busy, 1 done, 1 a minute",
                "   1  idle",
                "this machine  0 of 2 busy, 1 done, 1 a minute",
                "   1 to 2  idle",
                "no host yet: 1",
                "      waiting        3.0 s  c.c",
                "compiled here, and why",
                "     1  --coverage writes",
            ],
        )  # fmt: skip

    def test_nothing(self) -> None:
        """Without a build it says so."""
        self.assertEqual(next(lines_of(view())), "No units have ended in the last minute; 0 in flight.")

    def test_units(self) -> None:
        """A line for each unit that ends says where it was compiled, for how long, and why."""
        faults = (("blue/1", "refused the connection"),)
        for record, expected in (
            (unit(), "a.c  compiled on red in 1.0 s"),
            (unit(became="text", reason="no"), "a.c  compiled on red in 1.0 s (no)"),
            (local(), "a.c  compiled here in 500 ms: --coverage writes"),
            (unit(became="interrupted"), "a.c  interrupted after 1.0 s"),
            (
                unit(faults=faults),
                "a.c  compiled on red in 1.0 s; blue/1 failed: it refused the connection",
            ),
        ):
            self.assertRegex(line_of(record), r"^\d\d:\d\d:\d\d  ")
            self.assertEqual(line_of(record)[10:], expected)


class ScreenTests(SynchronousTestCase):
    def test_sizes(self) -> None:
        """A narrow terminal has one column of hosts, a wide one several; what is spare shows news."""
        shown = view(*A_VIEW, build=A_BUILD)
        narrow, wide = screen(shown, 80, 24), screen(shown, 200, 24)
        self.assertFalse(any("red" in row and "blue" in row for row in narrow[:10]))
        self.assertTrue(any("red" in row and "blue" in row for row in wide))
        for rows in narrow, wide:
            self.assertIn("just ended", rows)
            self.assertTrue(any("z.c  compiled here" in row for row in rows))

    def test_compact(self) -> None:
        """Where there is no room for each slot, each host has a line, and the oldest units follow."""
        rows = screen(view(*A_VIEW, build=A_BUILD), 80, 13)
        self.assertTrue(rows[2].startswith("red           2 of 3 busy, 1 done, 1 a minute"))
        self.assertTrue(rows[3].startswith("blue          0 of 1 busy"))
        self.assertIn("longest in flight", rows)
        self.assertEqual(rows[-2:], ["      2.0 s  b.c  red", "      1.0 s  a.c  red"])

    def test_fits(self) -> None:
        """Whatever there is to show, and however little room for it, it never scrolls."""
        states = [State(n, "é" * 300, f"host{n % 40}", n // 40, COMPILE) for n in range(1, 400)]
        for build in (), A_BUILD, tuple(local(f"{n}", f"reason {'x' * n}") for n in range(100)):
            for width, height in (80, 24), (200, 50), (40, 8):
                rows = screen(view(*states, build=build), width, height)
                self.assertLessEqual(len(rows), height)
                self.assertTrue(all(len(row) <= width for row in rows))
                self.assertFalse(any("idle" in row for row in rows))

    def test_hostile(self) -> None:
        """Names are shown without what a terminal obeys, and are no markup."""
        name = f"[bold]{HOSTILE}"
        states = (State(1, name, name, 0, COMPILE), State(2, name, HERE, 0, COMPILE))
        shown = view(*states, build=(unit(name, host=name), local(name, name)))
        for text in ("".join(screen(shown, 200, 50)), "".join(lines_of(shown))):
            self.assertTrue(text.isprintable())
            self.assertIn("[bold]", text)
            self.assertIn("<script>", text)
