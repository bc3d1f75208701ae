"""The filter of system calls: its numbers against the kernel's headers, and its verdicts."""

from __future__ import annotations

import errno
import runpy
import subprocess
from collections.abc import Iterator
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.execution.sandbox.machine import run
from twisted_distcc.execution.sandbox.seccomp import (
    AARCH64,
    I386,
    MACHINES,
    X86_64,
    Machine,
    halves,
    program,
)
from twisted_distcc.execution.sandbox.syscalls import ALLOWED, ANSWERED, CONDITIONS, NEWEST, OneOf

PROJECT = Path(__file__).parents[3]
TOKENS = {
    X86_64.token: "AUDIT_ARCH_X86_64",
    I386.token: "AUDIT_ARCH_I386",
    AARCH64.token: "AUDIT_ARCH_AARCH64",
}

ALLOW, KILL, ERROR = 0x7FFF0000, 0x80000000, 0x50000
DENIED, UNKNOWN = ERROR | errno.EPERM, ERROR | errno.ENOSYS
NAMESPACES = (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
CALLS = 512  # of which the kernel knows none yet


def verdict(machine: str, token: int, number: int, **arguments: int) -> int:
    """Run the filter as the kernel does, on one call; every jump leads forward, to its end."""
    data = program(machine)
    assert data is not None
    given = {16 + 8 * index: arguments.get(f"a{index}", 0) & 0xFFFFFFFF for index in range(6)}
    return run(data, {0: number & 0xFFFFFFFF, 4: token, **given})


def together(name: str, call: dict[int, int]) -> int:
    """Return what both halves of a filter say, as the kernel combines it."""
    verdicts = [run(half, call) for half in halves(name) or ()]
    # An error is less than what is allowed; and what kills is the least, as a signed number.
    return min(verdicts, key=lambda told: told - 2**32 if told == KILL else told)


def each() -> Iterator[tuple[str, Machine]]:
    return ((name, machine) for name, machines in MACHINES.items() for machine in machines)


class NumberTests(SynchronousTestCase):
    def test_numbers(self) -> None:
        """They are what the kernel's headers say; run `scripts/number_calls.py` after a change."""
        script = runpy.run_path(str(PROJECT / "scripts" / "number_calls.py"))
        self.assertEqual(script["MODULE"].read_text(), script["draw"]())

    def test_architectures(self) -> None:
        """The tokens are those of `linux/audit.h`."""
        text = "\n".join(["#include <linux/audit.h>", *TOKENS.values()])
        lines = subprocess.run(
            ["gcc", "-E", "-P", "-"], input=text, capture_output=True, text=True, check=True
        ).stdout.splitlines()[-len(TOKENS) :]
        for token, line in zip(TOKENS, lines, strict=True):
            self.assertEqual(eval(line, {}), token, line)

    def test_one_rule_each(self) -> None:
        """No call has two rules, and none that has one is newer than what may be missing."""
        self.assertFalse(ALLOWED & {*CONDITIONS, *ANSWERED})
        self.assertFalse({*CONDITIONS} & {*ANSWERED})
        for _, machine in each():
            self.assertLessEqual(max(machine.numbers.values()), NEWEST)


class VerdictTests(SynchronousTestCase):
    def test_by_number(self) -> None:
        """What is allowed is allowed, what has an answer gets it, and nothing else is let through."""
        for name, machine in each():
            by_number = {number: call for call, number in machine.numbers.items()}
            for number in range(CALLS):
                call = by_number.get(number, "")
                if call in CONDITIONS:
                    continue
                others = UNKNOWN if number > NEWEST else DENIED
                told = ERROR | ANSWERED[call] if call in ANSWERED else others
                expected = ALLOW if call in ALLOWED else told
                self.assertEqual(verdict(name, machine.token, number), expected, (name, number, call))

    def test_by_argument(self) -> None:
        """A value that is not listed has the error that programs are used to, a listed one none."""
        for name, machine in each():
            for call, number in machine.numbers.items():
                if isinstance(rule := CONDITIONS.get(call), OneOf):
                    at = f"a{rule.argument}"
                    for value in {*range(70), *rule.values, 2**31, 2**32 - 1, 2**32 + max(rule.values)}:
                        is_listed = value % 2**32 in rule.values
                        expected = ALLOW if is_listed else ERROR | rule.otherwise
                        found = verdict(name, machine.token, number, **{at: value})
                        self.assertEqual(found, expected, (name, call, value))

    def test_processes(self) -> None:
        """A process or a thread may be made, no namespace with it; `clone3` hides what it asks for."""
        for name, machine in each():
            clone = machine.numbers["clone"]
            for flags in (0, 17, 0x3D0F00, 0x4111):
                self.assertEqual(verdict(name, machine.token, clone, a0=flags), ALLOW)
            for flag in NAMESPACES:
                self.assertEqual(verdict(name, machine.token, clone, a0=flag | 17), DENIED, flag)
            self.assertEqual(verdict(name, machine.token, 435), UNKNOWN)

    def test_memory(self) -> None:
        """Memory may be had, but none locked or in huge pages; one call of i386 hides which."""
        for name, machine in each():
            number = machine.numbers["mmap2" if machine is I386 else "mmap"]
            for flags in (0x22, 0x802, 0x20022, 0x4022):
                self.assertEqual(verdict(name, machine.token, number, a3=flags), ALLOW, flags)
                for scarce in (0x2000, 0x40000):
                    told = verdict(name, machine.token, number, a3=flags | scarce)
                    self.assertEqual(told, ERROR | errno.ENOMEM)
        self.assertEqual(verdict("x86_64", I386.token, 90), DENIED)

    def test_the_other_abi(self) -> None:
        """The calls of x32 begin behind all others, and are none here."""
        for number in (0x40000000, 0x40000029, 0x7FFFFFFF, 0xFFFFFFFF):
            self.assertEqual(verdict("x86_64", X86_64.token, number), UNKNOWN)

    @given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
    def test_strangers(self, token: int, number: int) -> None:
        """A program of another architecture is killed at its first call."""
        for name, machines in MACHINES.items():
            if token not in {machine.token for machine in machines}:
                self.assertEqual(verdict(name, token, number), KILL)

    def test_machines_without_a_filter(self) -> None:
        """Where the numbers are not known there is none."""
        self.assertIsNone(program("pdp11"))
        self.assertIsNone(halves("pdp11"))


class HalvesTests(SynchronousTestCase):
    def test_together(self) -> None:
        """Both say of each call with whichever arguments what the whole filter says."""
        values = (0, 16, 22, 0x8011)
        for name, machines in MACHINES.items():
            whole = program(name)
            assert whole is not None
            for token in (*(machine.token for machine in machines), 0xDEAD):
                for number in (*range(CALLS), 0x40000000, 0x4000009D, 2**32 - 1):
                    for value in values:
                        arguments = {16 + 8 * index: value for index in range(6)}
                        call = {0: number, 4: token, **arguments}
                        self.assertEqual(together(name, call), run(whole, call), (name, token, number))

    def test_what_each_does(self) -> None:
        """The outer one lets the jail work, the inner one decides about nothing else, and is short."""
        for name, (native, *_) in MACHINES.items():
            outer, inner = halves(name) or (b"", b"")
            for number in range(CALLS):
                call = {0: number, 4: native.token, **{16 + 8 * index: 0x8000 for index in range(6)}}
                is_ours = number in native.jail.values()
                self.assertTrue(not is_ours or run(outer, call) == ALLOW, number)
                self.assertTrue(is_ours or run(inner, call) == ALLOW, number)
            self.assertLess(3 * len(inner), len(outer))
