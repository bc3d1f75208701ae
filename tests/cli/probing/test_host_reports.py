"""Answers of hosts, which may say anything."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cli.probing.host_reports import (
    Status,
    is_ours,
    parsed,
    parts_told,
    signature,
    takes_ours,
    why_not_ours,
)
from twisted_distcc.content.body import Body
from twisted_distcc.jobs.model import Reply

GOOD = {"server": "twisted-distccd", "version": "1", "sandbox": True, "slots": 4, "cpus": 2, "time": 1.5}


class StatusTests(SynchronousTestCase):
    def test_good(self) -> None:
        """A status is what a server of ours tells."""
        self.assertEqual(Status.of(GOOD), Status("1", sandbox=True, slots=4, cpus=2, clock=1.5))

    def test_bad(self) -> None:
        """Whatever is none is none: other types, numbers that are none, missing keys."""
        for key, value in (
            ("version", 1), ("sandbox", "yes"), ("slots", 0), ("slots", -4), ("slots", 10**9),
            ("slots", "4"), ("cpus", None), ("cpus", 0), ("time", "now"), ("time", float("nan")),
            ("time", float("inf")),
        ):  # fmt: skip
            self.assertIsNone(Status.of(GOOD | {key: value}), key)
        for told in (None, [], "status", 4, {}, {"server": "twisted-distccd"}):
            self.assertIsNone(Status.of(told))

    def test_words(self) -> None:
        """Text is short and printable, whatever the host says."""
        status = Status.of(GOOD | {"version": "1\x1b[2J\n" + "x" * 1000})
        assert status is not None
        self.assertEqual(status.version[:5], "1?[2J")
        self.assertLessEqual(len(status.version), 100)


class AnswerTests(SynchronousTestCase):
    def test_parsed(self) -> None:
        """JSON is read, within a bound; what is none is nothing."""
        self.assertEqual(parsed(Reply(0, stdout=Body.of(json.dumps(GOOD).encode()))), GOOD)
        for said in (b"", b"{", b"[" * 60_000, b"\xff", b" " * 70_000 + b"{}"):
            self.assertIsNone(parsed(Reply(0, stdout=Body.of(said))))

    def test_whose(self) -> None:
        """An answer is ours by its name alone."""
        self.assertTrue(is_ours(GOOD))
        for told in (None, [], {}, {"server": "other"}):
            self.assertFalse(is_ours(told))

    def test_toolchains(self) -> None:
        """A host takes our compiler along if it says so, and has no need of it if it has the same."""
        for told, takes in (
            ({"toolchains": "taken"}, True), ({"toolchains": "taken", "compiler": "0e"}, True),
            ({"toolchains": "taken", "compiler": "0d"}, False), ({"toolchains": 1}, False),
            ({}, False), (None, False),
        ):  # fmt: skip
            self.assertIs(takes_ours(told, "0d"), takes, told)
        self.assertFalse(takes_ours({"toolchains": "taken"}, None))
        self.assertEqual(
            why_not_ours({"toolchains": "no", "why": "no\n" + "x" * 999}), "no?" + "x" * 297
        )
        for told in (None, {}, {"toolchains": "no"}, {"toolchains": "no", "why": 1}):
            self.assertIsNone(why_not_ours(told))

    def test_parts(self) -> None:
        """Parts are names with digests, and not too many."""
        self.assertEqual(parts_told({"parts": {"program cc1": "77\n"}}), {"program cc1": "77?"})
        many = dict.fromkeys(map(str, range(1000)), "1")
        for told in (None, {}, {"parts": []}, {"parts": many}):
            self.assertEqual(parts_told(told), {})


class SignatureTests(SynchronousTestCase):
    def test_compilers(self) -> None:
        """gcc and clang sign what they make, each in its way."""
        for section, signed in (
            (b"\0GCC: (Debian 12.2.0-14) 12.2.0\0", "GCC 12.2.0 (Debian 12.2.0-14)"),
            (b"\0GCC: (GNU) 4.8\0", "GCC 4.8 (GNU)"),
            (b"\0Debian clang version 14.0.6\0", "Debian clang version 14.0.6"),
            (b"\0clang version 18.1.0\0", "clang version 18.1.0"),
        ):
            self.assertEqual(signature(b"\x7fELF" + section + b"\0.comment"), signed)

    def test_others(self) -> None:
        """An object without a signature has none, and a long or strange one is not taken."""
        for made in (b"", b"\x7fELF", b"GCC: (" + b"x" * 1000 + b") 1\0", b"GCC: (\x1b[2J) 12\0"):
            self.assertIsNone(signature(made))
