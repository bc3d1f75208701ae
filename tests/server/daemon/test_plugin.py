"""twistd finds the server, here and where a wheel was installed, and imports nothing to find it."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

from tests.live import LiveTestCase
from tests.server.talk import ask
from tests.wheels import build, install
from twisted_distcc import __version__
from twisted_distcc.cli.installed import installed_command
from twisted_distcc.errors import EXIT_BAD_ARGUMENTS, EXIT_IO_ERROR


class PluginTests(LiveTestCase):
    async def test_help_lists_it(self) -> None:
        """`twistd --help` names the command and says what it is; its own help names the options."""
        child = await self.run_to_end("twistd", "--help")
        self.assertRegex(child.stdout.decode(), r"\n +distccd +A distcc compile server\.\n")
        child = await self.run_to_end("twistd", "distccd", "--help")
        self.assertEqual(await child.ended(), 0)
        for option in (
            "--allow=",
            "--listen=",
            "--job-lifetime=",
            "--enable-tcp-insecure",
            "--log-level=",
        ):
            self.assertIn(option, child.stdout.decode())

    async def test_version(self) -> None:
        """Each command tells the version of the package."""
        for command in (("twistd", "distccd"), ("tdistccd",), ("twistd-stdio",)):
            child = await self.run_to_end(*command, "--version")
            self.assertEqual((await child.ended(), child.stderr), (0, ""))
            self.assertIn(f" {__version__} ", child.stdout.decode().replace("\n", " "))
        child = await self.run_to_end("tdistccd", "--version")
        protocols = child.stdout.decode().splitlines()[1]
        self.assertEqual(protocols, "  (protocols 1, 2 and 3) (default port 3632)")

    async def test_by_distccds_name(self) -> None:
        """A link by the name of distccd is distccd, in the forms that scripts read."""
        distccd = self.place("distccd")
        distccd.parent.mkdir(parents=True)
        distccd.symlink_to(installed_command("tdistccd"))
        child = await self.run_to_end(str(distccd), "--version")
        self.assertRegex(child.stdout.decode(), r"^distccd [\w.-]+ [.\w-]+\n")
        child = await self.run_to_end(str(distccd), "--help")
        self.assertTrue(child.stdout.startswith(b"Usage: distccd "), child.stdout[:50])

    async def test_scanning_imports_nothing_of_ours(self) -> None:
        """twistd reads every plugin at each start of any server: ours costs it next to nothing."""
        code = (
            "import sys; from twisted.plugin import getPlugins;"
            "from twisted.application.service import IServiceMaker;"
            "assert 'distccd' in [maker.tapname for maker in getPlugins(IServiceMaker)];"
            "print([name for name in sys.modules if name.startswith('twisted_distcc')])"
        )
        child = await self.run_to_end(sys.executable, "-c", code)
        self.assertEqual((child.stderr, child.stdout), ("", b"[]\n"))

    async def test_options_load_no_server(self) -> None:
        """Help and wrong options wait for nothing but the table: no reactor, no TLS, no codec."""
        code = (
            "import sys; from twisted_distcc.tap import Options; str(Options());"
            "print([name for name in sys.modules if name.startswith(('OpenSSL', 'cryptography',"
            "'lzallright', 'twisted.internet', 'twisted.logger', 'twisted_distcc.server.daemon'))])"
        )
        child = await self.run_to_end(sys.executable, "-c", code)
        self.assertEqual((child.stderr, child.stdout), ("", b"[]\n"))


class WrongOptionTests(LiveTestCase):
    """Command lines that cannot be meant."""

    async def test_one_sentence(self) -> None:
        """It names the option, on standard error alone, and the status is distccd's."""
        for words, part in (
            (("--allow=::1", "--sandbox-memory=lots"), "--sandbox-memory: 'lots' is not a size"),
            (("--allow=::1", "--port=x"), "--port: 'x' is not a whole number"),
            ((), "nobody may connect yet"),
            (("--no-such-option",), "--no-such-option"),
        ):
            child = await self.run_to_end("twistd", "--nodaemon", "--pidfile=", "distccd", *words)
            self.assertEqual(await child.ended(), EXIT_BAD_ARGUMENTS)
            (line,) = child.stderr.splitlines()
            self.assertIn(part, line)
            self.assertEqual((child.folder / "stdout").read_text(), "")

    async def test_files_that_cannot_be_opened(self) -> None:
        """They are named, without a number of the system's."""
        for option in ("--log-file", "--pid-file"):
            words = ("--allow=127.0.0.1", "--listen=127.0.0.1", "--port=0", f"{option}=no/such/folder")
            child = await self.run_to_end("twistd", "--nodaemon", "--pidfile=", "distccd", *words)
            self.assertEqual(await child.ended(), EXIT_IO_ERROR)
            last = child.stderr.splitlines()[-1]
            self.assertRegex(last, r"distccd: cannot open .*no/such/folder: No such file or directory")
        child = await self.run_to_end("twistd-stdio", "--log-file=/no/such/folder")
        self.assertEqual(await child.ended(), EXIT_IO_ERROR)


class WheelTests(LiveTestCase):
    async def test_an_installed_wheel(self) -> None:
        """The wheel holds the dropin, nothing else of Twisted's, and serves where it is installed."""
        wheel = build(self.place())
        with zipfile.ZipFile(wheel) as archive:
            ours = [name for name in archive.namelist() if name.startswith("twisted/")]
        self.assertEqual(ours, ["twisted/plugins/twisted_distcc_plugin.py"])
        server = self.start_server(
            str(self.twistd(wheel)), "--nodaemon", "--pidfile=", "distccd", "--allow=127.0.0.1",
            "--listen=127.0.0.1", "--port=0", "--log-file=log",
        )  # fmt: skip
        await server.ready()
        self.assertEqual((await ask(server.port)).exit_code, 0)

    def twistd(self, wheel: Path) -> Path:
        """Install the wheel where only Twisted and the like come from this environment."""
        script = install(wheel, self.place()) / "twistd"
        script.write_text(f"#!{script.parent}/python\nfrom twisted.scripts.twistd import run\nrun()\n")
        script.chmod(0o755)
        return script
