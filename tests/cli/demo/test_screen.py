"""What the person at the demo sees."""

import io

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cli.demo import screen
from twisted_distcc.cli.demo.screen import Screen


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class ScreenTests(SynchronousTestCase):
    """Lines that stay and lines that change."""

    def test_terminal(self) -> None:
        """On a terminal progress stays in one line, which the next line replaces."""
        stream = Terminal()
        shown = Screen(stream)
        shown.building("alone", 1)
        shown.building("alone", 2)
        shown.line("done")
        shown.line("more")
        self.assertEqual(
            stream.getvalue(), "alone: 1 objects\r\x1b[Kalone: 2 objects\r\x1b[Kdone\nmore\n"
        )

    def test_file(self) -> None:
        """Elsewhere progress is a plain line, and not oftener than every few seconds."""
        now = [100.0]
        self.patch(screen.time, "monotonic", lambda: now[0])
        stream = io.StringIO()
        shown = Screen(stream)
        for second in (100.0, 101.0, 104.9, 105.0):
            now[0] = second
            shown.building("alone", int(second))
        self.assertEqual(stream.getvalue(), "alone: 100 objects\nalone: 105 objects\n")
