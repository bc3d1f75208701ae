"""Option injection: each attack works on a real compiler, and passes neither parser nor server."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.hostile import injections
from tests.live import LiveTestCase
from tests.server.talk import ask
from twisted_distcc.cmdline.compilation import Compilation, StayLocal
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.cmdline.rewrite import serve_argv
from twisted_distcc.errors import EXIT_BAD_ARGUMENTS

_ENVIRONMENT = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
_OBJECT = "a.o"


def _run(folder: Path, *argv: str) -> str:
    """Run a command in `folder`, whatever it says, and give that."""
    done = subprocess.run(
        argv, cwd=folder, env=_ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    return (done.stdout + done.stderr).decode(errors="replace")


def _prepare(folder: Path) -> None:
    for name, text in injections.FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("{dir}", str(folder)))
        if text.startswith("#!"):
            path.chmod(0o755)


def _make_plugin(folder: Path) -> None:
    _run(folder, "gcc", "-shared", "-fPIC", "plugin.c", "-o", "plugin.so")


def _command(line: str, folder: Path) -> list[str]:
    return [*line.replace("{dir}", str(folder)).split(), "-c", "a.i"]


def _reasons(command: list[str]) -> list[str]:
    """Give why a client keeps a command, or what it demands of a server; and why servers refuse it.

    Only a server whose sandbox is the jail takes what is demanded, from clients that send their files.
    """
    here = parse(command)
    why = here.reason if isinstance(here, StayLocal) else here.demanding
    assert why is not None, command
    refusals = [
        *(parse(command, arrived=True, with_files=files) for files in (False, True)),
        parse(command, arrived=True, confined=True),
    ]
    for refusal in refusals:
        assert isinstance(refusal, StayLocal), command
    return [why, *(refusal.reason for refusal in refusals if isinstance(refusal, StayLocal))]


def _names_option(reason: str, command: list[str]) -> bool:
    return any(word.partition("=")[0][:40] in reason for word in command[1:-2])


class InjectionCase(SynchronousTestCase):
    """A folder with the attacker's files."""

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        _prepare(self.folder)

    def files(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}

    def harm(self, argv: list[str]) -> str:
        """Say what harm a command does: the files that it makes, or the secret; empty if none."""
        before = self.files()
        said = _run(self.folder, *argv)
        made = self.files() - before - {_OBJECT}
        told = {injections.SECRET} if injections.SECRET in said else set()
        return " ".join(sorted(made | told))


class RefusedTests(InjectionCase):
    """Attacks that real compilers carry out, and that are refused."""

    def check(self, line: str) -> None:
        if "plugin.so" in line:
            _make_plugin(self.folder)
        command = _command(line, self.folder)
        self.assertTrue(self.harm(command), "the compiler does no harm")
        for reason in _reasons(command):
            self.assertTrue(_names_option(reason, command), reason)


class DisarmedTests(InjectionCase):
    """Attacks whose options do nothing on a server, for it leaves them out."""

    def check(self, line: str) -> None:
        command = _command(line, self.folder)
        self.assertTrue(self.harm(command), "the compiler does no harm")
        shutil.rmtree(self.folder / "out")
        (self.folder / "out").mkdir()
        verdict = parse(command, arrived=True)
        self.assertIsInstance(verdict, Compilation, verdict)
        assert isinstance(verdict, Compilation)
        self.assertEqual("", self.harm(serve_argv(verdict, command[0], "a.i", _OBJECT)))


class UnprovenTests(SynchronousTestCase):
    """Attacks on other versions of compilers, and other spellings."""

    def test_all(self) -> None:
        """Each is refused on both sides, by the name of an option."""
        for line in injections.unproven():
            command = _command(line, Path("/nowhere"))
            for reason in _reasons(command):
                self.assertTrue(_names_option(reason, command), (line, reason))


class LiveTests(LiveTestCase):
    """The same attacks on a server that listens."""

    async def test_all(self) -> None:
        """Each is refused by the name of an option, or does nothing, and honest jobs are served."""
        folder = self.place()
        folder.mkdir()
        _prepare(folder)
        _make_plugin(folder)
        before = {str(path) for path in folder.rglob("*")}
        server = await self.serve()
        source = injections.FILES["a.i"].encode()
        for line in [*injections.refused(), *injections.disarmed()]:
            command = _command(line, folder)
            answer = await ask(server.port, command, source=source)
            if line in injections.refused():
                self.assertEqual((EXIT_BAD_ARGUMENTS, b""), (answer.exit_code, answer.object_file), line)
                self.assertRegex(answer.stderr, "^the server refuses this job: ")
                self.assertTrue(_names_option(answer.stderr, command), (line, answer.stderr))
            self.assertEqual(before, {str(path) for path in folder.rglob("*")}, line)
            said = answer.stderr.encode() + answer.stdout + answer.object_file
            self.assertNotIn(injections.SECRET.encode(), said, line)
        honest = await ask(server.port, ("gcc", "-c", "a.i"), source=source)
        self.assertEqual((0, True), (honest.exit_code, bool(honest.object_file)))


def _test_of(line: str) -> Callable[[RefusedTests | DisarmedTests], None]:
    def test(self: RefusedTests | DisarmedTests) -> None:
        self.check(line)

    test.__doc__ = line
    return test


for _case, _attacks in ((RefusedTests, injections.refused()), (DisarmedTests, injections.disarmed())):
    for _number, _line in enumerate(_attacks):
        setattr(_case, f"test_{_number:03}", _test_of(_line))
