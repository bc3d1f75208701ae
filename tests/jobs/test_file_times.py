"""The file that tells the times of a tree's files."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.jobs.file_times import read_times, write_times

_NAMES = st.binary(max_size=8).map(b"/".__add__)


class FileTimesTests(SynchronousTestCase):
    def test_page(self) -> None:
        """A line for each file."""
        times = {b"/p/b c.h": 0, b"/p/a.h": 1796050857}
        self.assertEqual(write_times(times), b"1796050857 /p/a.h\n0 /p/b c.h\n")
        self.assertEqual(read_times(b""), {})

    @given(st.dictionaries(_NAMES, st.integers(-5, 10**12), max_size=5))
    def test_either_way(self, times: dict[bytes, int]) -> None:
        """What can be written is read as it was; the rest is a line break, or no such time."""
        made = write_times(times)
        if made is not None:
            self.assertEqual(read_times(made), times)
        else:
            strange = (b"\n" in path or not 0 <= time < 10**11 for path, time in times.items())
            self.assertTrue(any(strange))

    @given(st.binary(max_size=40))
    def test_malformed(self, contents: bytes) -> None:
        """Anything else is refused, and nothing else is raised."""
        try:
            read_times(contents)
        except RemoteProtocolError:
            self.assertNotEqual(contents, b"")
