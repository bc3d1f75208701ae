"""What engines want to know of us: from variables, and from a file."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.backends.engine_access import (
    BadAccessError,
    EngineAccess,
    EngineTls,
    engine_access,
    is_open_to_others,
)
from twisted_distcc.client.hosts import EngineHost
from twisted_distcc.client.settings import EngineVariables

FILE = """
instance = "main"
headers = {x-key = "secret"}
platform = {os = "linux", arch = "amd64"}

["red:443"]
instance = "builds"
ca = "/etc/ca.pem"
"""


class AccessTests(SynchronousTestCase):
    def access(self, text: str = "", **variables: str) -> EngineAccess:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        path = self.folder / "engines.toml"
        if text:
            path.write_text(text)
        environ = {f"DISTCC_ENGINE_{name.upper()}": value for name, value in variables.items()}
        found = EngineVariables.from_environ(environ, str(self.folder))
        return engine_access(EngineHost("red", 443), found)

    def test_nothing(self) -> None:
        """Without a file and variables an engine is told nothing."""
        self.assertEqual(self.access(), EngineAccess())

    def test_file(self) -> None:
        """What the file says of one engine goes before what it says of all."""
        platform = (("arch", "amd64"), ("os", "linux"))
        headers = (("x-key", "secret"),)
        expected = EngineAccess("builds", platform, headers, EngineTls("/etc/ca.pem"))
        self.assertEqual(self.access(FILE), expected)

    def test_variables(self) -> None:
        """Variables go before the file."""
        found = self.access(FILE, instance="ci", headers="authorization='Bearer x y' b=c")
        self.assertEqual(found.instance, "ci")
        self.assertEqual(found.headers, (("authorization", "Bearer x y"), ("b", "c")))
        self.assertEqual(found.platform, (("arch", "amd64"), ("os", "linux")))

    def test_changed(self) -> None:
        """A file that has changed is read again."""
        self.access('instance = "a"')
        path = self.folder / "engines.toml"
        path.unlink()
        path.write_text('instance = "bb"')
        found = EngineVariables.from_environ({"DISTCC_ENGINES": str(path)}, None)
        self.assertEqual(engine_access(EngineHost("red", 1), found).instance, "bb")

    def test_bad(self) -> None:
        """What cannot be meant is said, and the engine is not called."""
        for text in (
            "instance = ",
            "instance = 1",
            'instances = "x"',
            "platform = {a = 1}",
            'headers = {grpc-timeout = "1S"}',
            'headers = {":path" = "/"}',
            'headers = {a = "b\\nc"}',
            '"red:443" = "builds"',
            '["red:443"]\nport = "1"',
            "\xff",
        ):
            with self.assertRaises(BadAccessError, msg=text) as caught:
                self.access(text)
            self.assertIn("is not called", str(caught.exception))
        for variables in ({"headers": "a"}, {"platform": "'"}):
            with self.assertRaises(BadAccessError):
                self.access("", **variables)

    def test_open_to_others(self) -> None:
        """A file that others can read is noticed."""
        self.access(FILE)
        path = self.folder / "engines.toml"
        path.chmod(0o600)
        self.assertFalse(is_open_to_others(str(path)))
        path.chmod(0o640)
        self.assertTrue(is_open_to_others(str(path)))
        self.assertFalse(is_open_to_others("/nonexistent"))
