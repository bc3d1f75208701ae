"""What a compiler says of the limit that it met."""

from __future__ import annotations

import signal

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.execution.resource_limits import LimitMetError, check_limits

# As gcc, clang, as and dash say it.
SAID = (
    (b"cc1plus: out of memory allocating 65536 bytes after a total of 122880 bytes", "sandbox-memory"),
    (b"virtual memory exhausted: Cannot allocate memory", "sandbox-memory"),
    (b"LLVM ERROR: out of memory", "sandbox-memory"),
    (b"terminate called after throwing an instance of 'std::bad_alloc'", "sandbox-memory"),
    (b"gcc: fatal error: CPU time limit exceeded signal terminated program cc1", "sandbox-cpu"),
    (b"gcc: fatal error: File size limit exceeded signal terminated program cc1", "sandbox-file-size"),
    (b"x.s: Assembler messages: File too large", "sandbox-file-size"),
    (b"x.c:1: fatal error: error writing to x.s: No space left on device", "sandbox-space"),
    (
        b"gcc: cannot execute 'cc1': vfork: Resource temporarily unavailable",
        "sandbox-processes",
    ),
    (b"sh: 9: Cannot fork", "sandbox-processes"),
    (b"as: source.s: Too many open files", "sandbox-open-files"),
)


class CheckTests(SynchronousTestCase):
    def limit(self, status: int, said: bytes = b"") -> str | None:
        try:
            check_limits(status, said)
        except LimitMetError as error:
            return error.limit
        return None

    def test_words(self) -> None:
        """What compilers say when they fail tells the limit."""
        for said, limit in SAID:
            self.assertEqual(self.limit(1 << 8, b"warning: x\n" + said + b"\n"), limit, said)

    def test_signals(self) -> None:
        """The signals of two limits need no words."""
        self.assertEqual(self.limit(signal.SIGXCPU), "sandbox-cpu")
        self.assertEqual(self.limit(signal.SIGXFSZ | 0x80), "sandbox-file-size")
        self.assertIsNone(self.limit(signal.SIGSEGV))

    def test_success(self) -> None:
        """A compiler that succeeded met none, whatever it said."""
        for said, _ in SAID:
            self.assertIsNone(self.limit(0, said))
