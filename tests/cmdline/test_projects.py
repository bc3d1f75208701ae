"""The command lines of real projects: they travel, and what stays has the right reason."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.cmdline import projects
from twisted_distcc.cmdline.compilation import Compilation, StayLocal
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.cmdline.rewrite import remote_argv


class ProjectTests(SynchronousTestCase):
    """A client and a server on the same commands."""

    def test_travelling(self) -> None:
        """Each leaves, and is served as it arrives."""
        for name, command in projects.travelling().items():
            verdict = parse(command)
            assert isinstance(verdict, Compilation), (name, verdict)
            received = parse(remote_argv(verdict, "/home/me/a project"), arrived=True)
            assert isinstance(received, Compilation), (name, received)
            self.assertIs(verdict.language.preprocessed, received.language, name)

    def test_staying(self) -> None:
        """Each stays for its reason, which begins with a word of the command."""
        for title, command in projects.staying().items():
            _, _, reason = title.partition(": ")
            verdict = parse(command)
            assert isinstance(verdict, StayLocal), title
            self.assertTrue(verdict.reason.endswith(reason), (title, verdict))
            self.assertIn(verdict.reason.split()[0], command, title)
