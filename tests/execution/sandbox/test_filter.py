"""The filter of system calls: its numbers against the kernel's headers, and its verdicts."""

from __future__ import annotations

import errno
import re
import subprocess

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.execution.sandbox.machine import run
from twisted_distcc.execution.sandbox.filter import (
    AARCH64,
    I386,
    MACHINES,
    REFUSED,
    X86_64,
    Machine,
    program,
)

# What the architecture's own header asks of the one for all.
GENERIC = ("-D__BITS_PER_LONG=64", "-D__ARCH_WANT_MEMFD_SECRET", "-D__ARCH_WANT_SYS_CLONE3")
# The constants that our own C library's headers give, by the preprocessor, for each architecture.
HEADERS = (
    (X86_64, "x86_64", "asm/unistd_64.h", ()),
    (I386, "i386", "asm/unistd_32.h", ()),
    (
        AARCH64,
        "aarch64",
        "asm-generic/unistd.h",
        ("-D__BITS_PER_LONG=64", "-D__ARCH_WANT_MEMFD_SECRET", "-D__ARCH_WANT_SYS_CLONE3"),
    ),
)
TOKENS = {X86_64: "AUDIT_ARCH_X86_64", I386: "AUDIT_ARCH_I386", AARCH64: "AUDIT_ARCH_AARCH64"}
MORE = {X86_64: {"modify_ldt"}, I386: {"socketcall", "ipc", "modify_ldt"}, AARCH64: set()}

ALLOW, KILL = 0x7FFF0000, 0x80000000
DENIED, UNKNOWN = 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS
NAMESPACES = (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)


def numbers(header: str, defines: tuple[str, ...]) -> dict[str, int]:
    """Give the calls that a header of the kernel numbers."""
    text = subprocess.run(
        ["gcc", "-E", "-dM", *defines, "-include", header, "-x", "c", "/dev/null"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = dict(re.findall(r"(?m)^#define __NR(?:3264)?_(\w+) (\S+)$", text))
    return {name: int(value) for name, value in found.items() if value.isdecimal()}


def verdict(machine: str, token: int, number: int, argument: int = 0) -> int:
    """Run the filter as the kernel does, on one call; every jump leads forward, to its end."""
    data = program(machine)
    assert data is not None
    return run(data, {0: number & 0xFFFFFFFF, 4: token, 16: argument & 0xFFFFFFFF})


class NumberTests(SynchronousTestCase):
    def test_names_and_numbers(self) -> None:
        """Each column says what the kernel's own headers say."""
        for machine, name, header, defines in HEADERS:
            known = numbers(header, defines)
            self.assertEqual(len(machine.refused), len(REFUSED), name)
            self.assertEqual(
                {call: known[call] for call in REFUSED},
                dict(zip(REFUSED, machine.refused, strict=True)),
                name,
            )
            self.assertEqual((known["clone"], known["clone3"]), (machine.clone, machine.clone3), name)
            self.assertEqual({known[call] for call in MORE[machine]}, set(machine.more), name)

    def test_architectures(self) -> None:
        """The tokens are those of `linux/audit.h`."""
        text = "\n".join(["#include <linux/audit.h>", *TOKENS.values()])
        lines = subprocess.run(
            ["gcc", "-E", "-P", "-"], input=text, capture_output=True, text=True, check=True
        ).stdout.splitlines()[-len(TOKENS) :]
        for machine, line in zip(TOKENS, lines, strict=True):
            self.assertEqual(eval(line, {}), machine.token, line)


class VerdictTests(SynchronousTestCase):
    def each(self) -> list[tuple[str, Machine]]:
        return [(name, machine) for name, machines in MACHINES.items() for machine in machines]

    def test_refused(self) -> None:
        """Each call of the list is denied on each architecture."""
        for name, machine in self.each():
            for number in (*machine.refused, *machine.more):
                self.assertEqual(verdict(name, machine.token, number), DENIED, (name, number))

    def test_allowed(self) -> None:
        """All others are not, as far as there are any."""
        for name, machine in self.each():
            special = {*machine.refused, *machine.more, machine.clone, machine.clone3}
            for number in set(range(500)) - special:
                self.assertEqual(verdict(name, machine.token, number), ALLOW, (name, number))

    def test_processes(self) -> None:
        """A process or a thread may be made, no namespace with it; `clone3` hides what it asks for."""
        for name, machine in self.each():
            for flags in (0, 17, 0x3D0F00, 0x4111):
                self.assertEqual(verdict(name, machine.token, machine.clone, flags), ALLOW)
            for flag in NAMESPACES:
                self.assertEqual(verdict(name, machine.token, machine.clone, flag | 17), DENIED, flag)
            self.assertEqual(verdict(name, machine.token, machine.clone3), UNKNOWN)

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
