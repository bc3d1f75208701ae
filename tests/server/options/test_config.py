"""What a server is told to do: by options, by the environment, and by default."""

from __future__ import annotations

import contextlib
import io
import os

from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cli import tdistccd, twistd_stdio
from twisted_distcc.errors import EXIT_BAD_ARGUMENTS
from twisted_distcc.policy.access import PRIVATE, AllowList
from twisted_distcc.policy.command_list import CommandList
from twisted_distcc.policy.rules import Policy, Rule, allow_users
from twisted_distcc.server.options.config import ServerConfig, command_list, search_path
from twisted_distcc.server.options.parsing import server_config
from twisted_distcc.server.options.stats_config import StatsConfig
from twisted_distcc.server.options.table import OPTIONS, SANDBOX, Option
from twisted_distcc.server.options.tls_config import TlsConfig
from twisted_distcc.server.quotas.deadlines import Deadlines
from twisted_distcc.server.quotas.holdings import Ceilings
from twisted_distcc.tap import Options
from twisted_distcc.tls.files import CredentialFiles

ENVIRON = {"PATH": "/usr/bin:/bin"}


class TwistdTests(SynchronousTestCase):
    def config(self, *words: str, environ: dict[str, str] = ENVIRON) -> ServerConfig:
        options = Options()
        options.parseOptions(words)
        return server_config(options, environ)

    def test_defaults(self) -> None:
        """With nothing but an address to serve, all is as distccd has it, but that no job is endless."""
        self.assertEqual(
            self.config("--allow=192.0.2.0/24"),
            ServerConfig(
                allow=AllowList.parse(("192.0.2.0/24",)),
                listen=(),
                port=3632,
                jobs=(os.cpu_count() or 1) + 2,
                folders=("/usr/bin", "/bin"),
                job_lifetime=7200,
                nice=5,
            ),
        )

    def test_every_option(self) -> None:
        """Each option reaches the field that it names."""
        config = self.config(
            "--allow=192.0.2.1", "-a", "2001:db8::/32", "--allow-private", "--listen=192.0.2.1",
            "--listen=::1", "-p", "99", "-j", "7", "-N", "1", "--oom-score-adj=-5", "--job-lifetime=8",
            "--lifetime=9", "-P", "pid", "--compiler-root=/sysroots/it/", "--enable-tcp-insecure",
            "--max-connections=10", "--max-stored=11M", "--max-toolchains=15M", "--idle-timeout=12",
            "--transfer-timeout=13",
            "--allow-user=alice", "--allow-user", "bob", "--audit-log=audit", "--stats",
            "--stats-port=14", "--stats-listen=::1", "--stats-name=build1",
        )  # fmt: skip
        self.assertEqual(
            config,
            ServerConfig(
                allow=AllowList.parse(("192.0.2.1", "2001:db8::/32", *PRIVATE)),
                listen=("192.0.2.1", "::1"),
                port=99,
                jobs=7,
                folders=("/sysroots/it/usr/bin", "/sysroots/it/bin"),
                any_command=True,
                compiler_root="/sysroots/it",
                job_lifetime=8,
                lifetime=9,
                nice=1,
                oom_score_adj=-5,
                pid_file=os.path.abspath("pid"),
                policy=allow_users(("alice", "bob")),
                audit_log=os.path.abspath("audit"),
                stats=StatsConfig(14, ("::1",), ("build1",)),
                ceilings=Ceilings(10, stored=11 * 2**20, toolchains=15 * 2**20),
                deadlines=Deadlines(idle=12, receive=13, send=13),
            ),
        )

    def test_statistics(self) -> None:
        """They are off without `--stats`, and else on distccd's port of loopback."""
        self.assertIsNone(self.config("--allow=::1", "--stats-port=14").stats)
        self.assertEqual(self.config("--allow=::1", "--stats").stats, StatsConfig(3633, ("127.0.0.1",)))

    def test_policy(self) -> None:
        """The file of rules is read, and remembered by a path that holds in every folder."""
        path = self.mktemp()
        with open(path, "w") as file:
            file.write('[[rule]]\nname = "all"\nwho = ["*"]\nverdict = "allow"\n')
        rules = (Rule("all", ("*",), allow=True),)
        config = self.config("--allow=::1", f"--policy={path}")
        self.assertEqual(config.policy, Policy(rules, os.path.abspath(path)))
        with self.assertRaisesRegex(usage.UsageError, "/no/such/policy: cannot be read"):
            self.config("--allow=::1", "--policy=/no/such/policy")

    def test_numbers_have_borders(self) -> None:
        """A number out of its range is refused, and the range told."""
        for option, least, most in (
            ("port", 0, 65535), ("jobs", 1, 100_000), ("nice", 0, 20), ("oom-score-adj", -1000, 1000),
            ("job-lifetime", 1, 100_000), ("lifetime", 1, 100_000),
        ):  # fmt: skip
            for good in (least, most):
                self.config("--allow=::1", f"--{option}={good}")
            for bad in (least - 1, most + 1, "", "1.5", "-", "one"):
                with self.assertRaisesRegex(usage.UsageError, f"from {least} to {most}"):
                    self.config("--allow=::1", f"--{option}={bad}")

    def test_what_cannot_be_meant_together(self) -> None:
        """A combination that cannot be meant is refused, with what to do instead."""
        for words, part in (
            ((), "nobody may connect yet: give --allow"),
            (("--tls-certificate=c",), "nobody may use the TLS port yet: give --allow-user"),
            (("--allow-user=a", "--policy=/p"), "--allow-user cannot be combined with --policy"),
            (("--allow-user=a", "--tls-key=k"), "--tls-certificate is missing"),
            (("--allow-user=a", "--tls-certificate=c", "--tls-key=k"), "--tls-ca is missing"),
        ):
            listening = () if "connect" in part else ("--allow=::1",)
            with self.assertRaisesRegex(usage.UsageError, part):
                self.config(*listening, *words)


class TableTests(SynchronousTestCase):
    """What each row of the table promises to every reader."""

    def test_names(self) -> None:
        """An option exists once, by its long name and by its letter."""
        for names in ([one.name for one in OPTIONS], [one.letter for one in OPTIONS if one.letter]):
            self.assertEqual(len(names), len(set(names)))

    def test_defaults_are_values(self) -> None:
        """A default is something that a user could write; what has none has no value."""
        for option in OPTIONS:
            missing = None if option.default is None else option.read(option.default)
            self.assertEqual(option.or_default(None), () if option.repeatable else missing)

    def test_words_are_read_back(self) -> None:
        """The words that say a value mean the same to the reader that they are for."""
        for option, given, words in (
            (Option("flag", ""), True, ["--flag"]),
            (Option("flag", ""), False, []),
            (Option("value", "", "N"), "0", ["--value=0"]),
            (Option("value", "", "N"), "", ["--value="]),
            (Option("value", "", "N"), None, []),
            (Option("values", "", "N", repeatable=True), ["a", "b"], ["--values=a", "--values=b"]),
            (Option("values", "", "N", repeatable=True), None, []),
        ):
            self.assertEqual(option.words(given), words)

    def test_stream_server_explains(self) -> None:
        """A server of one connection refuses a value in the sentence of one that listens."""
        said = io.StringIO()
        with contextlib.redirect_stderr(said), self.assertRaises(SystemExit) as caught:
            twistd_stdio.parser().parse_args(("--sandbox-memory=lots",))
        self.assertEqual(caught.exception.code, 2)
        self.assertIn("--sandbox-memory: 'lots' is not a size", said.getvalue())

    def test_stream_server_has_no_bounds(self) -> None:
        """A server of one connection takes any nice level and any lifetime of a job."""
        for text, value in (("-5", -5), ("21", 21), ("200000", 200_000)):
            options = twistd_stdio.parser().parse_args((f"--nice={text}", f"--job-lifetime={text}"))
            self.assertEqual((options.nice, vars(options)["job-lifetime"]), (value, value))


class EnvironmentTests(SynchronousTestCase):
    def file(self, content: bytes) -> str:
        path: str = self.mktemp()
        with open(path, "wb") as file:
            file.write(content)
        return path

    def test_search_path(self) -> None:
        """DISTCCD_PATH stands before PATH; relative folders, and empty ones, are left out."""
        for environ, expected in (
            ({"DISTCCD_PATH": "/opt/bin", "PATH": "/bin"}, ("/opt/bin",)),
            ({"DISTCCD_PATH": "", "PATH": "/bin"}, ("/bin",)),
            ({"PATH": "/bin::.:usr/bin:/usr/bin"}, ("/bin", "/usr/bin")),
            ({}, ("/usr/local/bin", "/usr/bin", "/bin")),
        ):
            self.assertEqual(search_path(environ, ""), expected)

    def test_no_command_list(self) -> None:
        """Without a list, or with an empty name of one, the rule of known names holds."""
        for environ in ({}, {"DISTCC_CMDLIST": ""}, {"DISTCC_CMDLIST_NUMWORDS": "2"}):
            self.assertIsNone(command_list(environ))

    def test_command_list(self) -> None:
        """The file's lines are the commands, whatever bytes a path is made of."""
        path = self.file(b"/usr/bin/gcc\n/opt/\xff/gcc\n")
        expected = CommandList(("/usr/bin/gcc", os.fsdecode(b"/opt/\xff/gcc")), 2)
        environ = {"DISTCC_CMDLIST": path, "DISTCC_CMDLIST_NUMWORDS": "2"}
        self.assertEqual(command_list(environ), expected)


class DistccdTests(SynchronousTestCase):
    """The command line of C distccd, said in ours."""

    def words(self, *argv: str, syslog: bool = False) -> list[str]:
        return tdistccd.twistd_argv(tdistccd.parser().parse_args(argv), syslog)

    def test_what_goes_where(self) -> None:
        """Options of twistd stand before `distccd`, those of the server after it, nothing is lost."""
        self.assertEqual(
            self.words(
                "--daemon", "--no-detach", "-a", "192.0.2.1", "--allow", "192.0.2.2", "-p", "99",
                "-j", "7", "-N", "1", "-P", "/pid", "--log-file", "/log", "--log-level", "info",
                "--lifetime", "9", "--job-lifetime", "8", "--listen", "192.0.2.3", "--allow-private",
                "--verbose", "--enable-tcp-insecure", "--sysroot", "/root", "--oom-score-adj", "-5",
                "--policy", "/policy", "--allow-user", "alice", "--audit-log", "/audit",
            ),
            [
                "--pidfile=", "--nodaemon", "distccd", "--allow=192.0.2.1", "--allow=192.0.2.2",
                "--allow-private", "--listen=192.0.2.3", "--port=99", "--allow-user=alice",
                "--policy=/policy", "--jobs=7", "--job-lifetime=8", "--sysroot=/root",
                "--enable-tcp-insecure", "--nice=1", "--oom-score-adj=-5", "--lifetime=9",
                "--pid-file=/pid", "--log-file=/log", "--log-level=info", "--verbose",
                "--audit-log=/audit",
            ],
        )  # fmt: skip

    def test_tls(self) -> None:
        """What TLS takes is handed on, and means files wherever the server goes."""
        files = ("--tls-certificate=c", "--tls-key=k", "--tls-ca=a", "--tls-crl=l")
        words = self.words("--daemon", *files, "--tls-port=99", "--allow-user=alice")
        options = Options()
        options.parseOptions(words[words.index("distccd") + 1 :])
        tls = server_config(options, {}).tls
        paths = CredentialFiles(*(os.path.abspath(name) for name in "ckal"))
        self.assertEqual(tls, TlsConfig(99, paths))

    def test_sandbox_and_ceilings(self) -> None:
        """What bounds jobs and clients is handed on; a server of one connection has jobs alone."""
        jobs = [f"--{option.name}=1M" for option in SANDBOX]
        clients = ["--max-connections=7", "--max-stored=7", "--idle-timeout=7", "--transfer-timeout=7"]
        words = self.words("--daemon", *jobs, *clients)
        self.assertEqual(words[words.index("distccd") + 1 :], [*clients, *jobs])
        options = tdistccd.parser().parse_args(("--inetd", *jobs, *clients))
        self.assertEqual(tdistccd.inetd_argv(options), jobs)

    def test_our_server_understands_all_of_it(self) -> None:
        """The words after `distccd` are a command line of `twistd distccd`."""
        words = self.words("--daemon", "-a", "192.0.2.1", "-N", "1", "--log-stderr", "--wizard")
        options = Options()
        options.parseOptions(words[words.index("distccd") + 1 :])
        self.assertEqual((options["nice"], options["log-file"], options["verbose"]), (1, "-", 1))

    def test_where_it_logs(self) -> None:
        """To the file, to standard error, or else to syslog; without one, to no file of our choice."""
        to_syslog = ["--syslog", "--prefix=distccd"]
        for argv, syslog, expected in (
            (("--log-file=/log",), True, ["--log-file=/log"]),
            (("--log-stderr",), True, ["--log-file=-"]),
            (("--wizard",), True, ["--log-file=-"]),
            ((), True, to_syslog),
            ((), False, to_syslog),
            (("--no-detach",), True, to_syslog),
            (("--no-detach",), False, ["--log-file=-"]),
        ):
            words = self.words("--daemon", *argv, syslog=syslog)
            found = [word for word in words if word.startswith(("--log-file", "--syslog", "--prefix"))]
            self.assertEqual(found, expected)

    def test_whether_it_detaches(self) -> None:
        """It does, unless an option says that it stays; twistd never does it."""
        for argv, stays in (
            ((), False), (("--no-detach",), True), (("--no-fork",), True), (("--wizard",), True),
        ):  # fmt: skip
            options = tdistccd.parser().parse_args(("--daemon", *argv))
            self.assertEqual(tdistccd.stays(options), stays)
            self.assertIn("--nodaemon", tdistccd.twistd_argv(options, syslog=True))

    def test_whose_it_is(self) -> None:
        """--user is the server's own, of either kind: it matters to root alone, as with distccd."""
        self.assertIn("--user=nobody", self.words("--daemon", "--user=nobody"))
        options = tdistccd.parser().parse_args(("--inetd", "--user=nobody"))
        self.assertEqual(tdistccd.inetd_argv(options), ["--user=nobody"])

    def test_inetd(self) -> None:
        """With --inetd the words are those of `twistd-stdio`, which understands them."""
        options = tdistccd.parser().parse_args(
            ("--inetd", "-a", "192.0.2.1", "-N", "3", "--log-file=/log", "-j", "9", "--allow-private")
        )
        self.assertTrue(tdistccd.is_inetd(options))
        words = tdistccd.inetd_argv(options)
        self.assertEqual(words, ["--allow=192.0.2.1", "--allow-private", "--nice=3", "--log-file=/log"])
        self.assertEqual(twistd_stdio.parser().parse_args(words).nice, 3)

    def test_bad_arguments(self) -> None:
        """Like distccd it exits with 101, and says in one line which word is wrong."""
        for argv, part in (
            (("--jobs",), "--jobs"),
            (("--verb",), "--verb"),
            (("--auth",), "--auth: GSS-API is not supported; use TLS"),
            (("--blacklist=file",), "--blacklist: GSS-API is not supported"),
        ):
            said = io.StringIO()
            with contextlib.redirect_stderr(said), self.assertRaises(SystemExit) as caught:
                self.words("--daemon", *argv)
            self.assertEqual(caught.exception.code, EXIT_BAD_ARGUMENTS)
            (line,) = said.getvalue().splitlines()
            self.assertIn(part, line)
