"""What requests ask for."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.jobs.commands import (
    CompileCommand,
    CompilerQuestion,
    NoCompilerError,
    command_of,
)
from twisted_distcc.jobs.model import Request


class CommandTests(SynchronousTestCase):
    """`command_of`, and what it returns."""

    def test_jobs(self) -> None:
        """The compiler is the first word, or the first behind `env` that sets no variable."""
        argv = (b"gcc", b"-DA=1", b"-c", b"a.c")
        for words, variables in (
            (argv, {}),
            ((b"env", *argv), {}),
            ((b"env", b"LC_ALL=C", b"A=b=c", *argv), {b"LC_ALL": b"C", b"A": b"b=c"}),
        ):
            self.assertEqual(command_of(Request(words)), CompileCommand(argv, variables))
        self.assertEqual(CompileCommand(argv).compiler, b"gcc")

    def test_questions(self) -> None:
        """A question is one that `request` asks, and nothing else is."""
        question = CompilerQuestion(b"/usr/bin/gcc")
        self.assertEqual(command_of(question.request()), question)
        for words in ((b"twisted-distccd", b"about"), (b"twisted-distccd", b"about", b"gcc", b"-c")):
            self.assertEqual(command_of(Request(words)), CompileCommand(words))

    def test_no_compiler(self) -> None:
        """A command line without a compiler is a client's mistake."""
        for words in ((), (b"env",), (b"env", b"A=b")):
            error = self.assertRaises(NoCompilerError, command_of, Request(words))
            self.assertEqual((str(error), error.exit_code), ("the command line names no compiler", 101))

    def test_lines(self) -> None:
        """Both make one line for a log, whatever the client wrote."""
        self.assertEqual(str(CompileCommand((b"gcc", b"-c", b"a\n\x1b.c\xff"))), "gcc -c a??.c?")
        self.assertEqual(str(CompilerQuestion(b"g\rcc")), "question about g?cc")
