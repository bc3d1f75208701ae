"""What is announced, and what is believed of what others announce."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.discovery.found_json import MOST, parsed, to_json
from twisted_distcc.discovery.service_record import Announcement, Found, instance

KEYS = st.sampled_from([b"jobs", b"cpus", b"tls", b"name", b"JOBS"]) | st.binary(max_size=9)
TEXT = st.dictionaries(KEYS, st.none() | st.binary(max_size=9), max_size=5)


class AnnouncementTests(SynchronousTestCase):
    def test_properties(self) -> None:
        """The keys of C distcc come first, then ours; what is unknown is left out."""
        told = Announcement("0.1", 5, 2, "x86_64-linux-gnu", "12", {"gcc": "d" * 64}, 3634, "red")
        self.assertEqual(
            list(told.properties().items()),
            [
                ("txtvers", "1"),
                ("cpus", "2"),
                ("jobs", "5"),
                ("distcc", "0.1"),
                ("cc_version", "12"),
                ("cc_machine", "x86_64-linux-gnu"),
                ("server", "twisted-distccd"),
                ("tls", "3634"),
                ("name", "red"),
                ("digest-gcc", "d" * 64),
            ],
        )
        self.assertNotIn("tls", Announcement("0.1", 5, 2).properties())

    def test_subtype(self) -> None:
        """C distcc looks for the compiler's machine and version, in letters and digits."""
        told = Announcement("0.1", 5, 2, "x86_64-linux-gnu", "12.2.0")
        self.assertEqual(told.subtype, "_x86-64-linux-gnu--12-2-0._sub._distcc._tcp.local.")
        self.assertIsNone(Announcement("0.1", 5, 2, "x86_64-linux-gnu").subtype)

    def test_instance(self) -> None:
        """An instance is called after its host, within what a label can hold."""
        self.assertEqual(instance("red.example.org"), "distcc@red._distcc._tcp.local.")
        self.assertEqual(instance(""), "distcc@localhost._distcc._tcp.local.")
        self.assertEqual(len(instance("x" * 200).partition(".")[0]), 63)


class FoundTests(SynchronousTestCase):
    def found(self, port: int = 3632, **told: str) -> Found | None:
        return Found.of("192.0.2.7", port, {key.encode(): text.encode() for key, text in told.items()})

    def test_of_c_distcc(self) -> None:
        """Its record has slots; an old one, that has processors alone, is served by as many."""
        self.assertEqual(self.found(jobs="10", cpus="8"), Found("192.0.2.7", 3632, 10))
        self.assertEqual(self.found(cpus="8"), Found("192.0.2.7", 3632, 8))
        self.assertEqual(self.found(), Found("192.0.2.7", 3632, 4))

    def test_of_ours(self) -> None:
        """Ours has a port for TLS, and maybe no other, and maybe the name to expect."""
        self.assertEqual(self.found(tls="3634", jobs="5"), Found("192.0.2.7", 3632, 5, 3634))
        self.assertEqual(self.found(3634, tls="3634", jobs="5"), Found("192.0.2.7", 0, 5, 3634))
        expected = Found("192.0.2.7", 3632, 5, 3634, "red.example.org")
        self.assertEqual(self.found(tls="3634", jobs="5", name="red.example.org"), expected)

    def test_hostile(self) -> None:
        """What is out of bounds counts as not told; without a port there is no server."""
        for jobs in ("0", "-1", "1e3", "99999999999", "٣", "", " 5"):
            self.assertEqual(self.found(jobs=jobs), Found("192.0.2.7", 3632, 4), jobs)
        for tls in ("0", "65536", "x"):
            self.assertEqual(self.found(tls=tls, name="red"), Found("192.0.2.7", 3632, 4), tls)
        for name in ("-oProxyCommand=x", "a b", "../x", "red;id", "x" * 254, "red\n", "red/9,cpp", "@x"):
            self.assertEqual(self.found(tls="3634", name=name), Found("192.0.2.7", 3632, 4, 3634), name)
        self.assertIsNone(self.found(0))
        self.assertIsNone(self.found(65536))

    @given(st.integers(), TEXT)
    def test_anything(self, port: int, properties: dict[bytes, bytes | None]) -> None:
        """Whatever a record holds, it is parsed within bounds, and survives the way to the agent."""
        found = Found.of("192.0.2.7", port, properties)
        if found is not None:
            self.assertTrue(0 <= found.port <= 65535 and 0 <= found.tls <= 65535, found)
            self.assertTrue(0 < found.jobs <= 1000 and len(found.name) <= 253, found)
            self.assertEqual(parsed(to_json([found]).encode()), (found,))


class JsonTests(SynchronousTestCase):
    def test_garbage(self) -> None:
        """What is not such an array is nothing, and a long one is cut."""
        for text in (b"", b"{", b"[1]", b'[{"address": 1}]', b"[" * 100_000, b" " * 600_000, b"null"):
            self.assertEqual(parsed(text), (), text[:20])
        many = to_json([Found("192.0.2.7", 3632, 4)] * (MOST + 1))
        self.assertEqual(len(parsed(many.encode())), MOST)
