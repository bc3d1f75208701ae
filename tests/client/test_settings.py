"""What the environment asks of the client."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.settings import (
    EngineVariables,
    Settings,
    TlsPaths,
    distcc_directory,
    whole_number,
)

HOME = {"HOME": "/home/ada"}


def settings(**environ: str) -> Settings:
    return Settings.from_environ(HOME | environ)


class DefaultsTests(SynchronousTestCase):
    def test_an_environment_that_says_nothing(self) -> None:
        """Without any variable but HOME, each setting has the default of distcc(1)."""
        self.assertEqual(
            settings(),
            Settings(
                directory="/home/ada/.distcc",
                fallback=True,
                remote_cpp=True,
                trust_names=False,
                save_temps=False,
                skip_local_retry=False,
                ssh="ssh",
                tmpdir="/tmp",
                connect_timeout=4,
                io_timeout=300,
                backoff_period=60,
                pause=0.1,
                journal=True,
                tls=TlsPaths(
                    certificate="/home/ada/.distcc/tls/certificate.pem",
                    key="/home/ada/.distcc/tls/key.pem",
                    ca="/home/ada/.distcc/tls/ca.pem",
                    crl="/home/ada/.distcc/tls/crl.pem",
                    wants_crl=False,
                ),
                engines=EngineVariables(
                    file="/home/ada/.distcc/engines.toml",
                    instance="",
                    platform="",
                    headers="",
                    ca="",
                    certificate="",
                    key="",
                ),
            ),
        )

    def test_empty_variables_are_no_variables(self) -> None:
        """A variable that is set to nothing leaves the default, save the one that is "if set"."""
        empty = dict.fromkeys(
            [
                "DISTCC_DIR",
                "DISTCC_FALLBACK",
                "DISTCC_REMOTE_CPP",
                "DISTCC_TRUST_NAMES",
                "DISTCC_SAVE_TEMPS",
                "DISTCC_SSH",
                "TMPDIR",
                "DISTCC_CONNECT_TIMEOUT",
                "DISTCC_IO_TIMEOUT",
                "DISTCC_BACKOFF_PERIOD",
                "DISTCC_PAUSE_TIME_MSEC",
                "DISTCC_TLS_CERTIFICATE",
                "DISTCC_TLS_KEY",
                "DISTCC_TLS_CA",
                "DISTCC_TLS_CRL",
                "DISTCC_ENGINES",
                "DISTCC_ENGINE_HEADERS",
            ],
            "",
        )
        self.assertEqual(settings(**empty), settings())

    def test_the_lock_directory_is_distccs(self) -> None:
        """Locks stand in the directory `lock` of the configuration directory."""
        self.assertEqual(settings().lock_directory, "/home/ada/.distcc/lock")


class ValuesTests(SynchronousTestCase):
    def test_each_variable_is_read(self) -> None:
        """Every variable that is set shows in its own setting, and in the right unit."""
        self.assertEqual(
            settings(
                DISTCC_DIR="/farm",
                DISTCC_FALLBACK="0",
                DISTCC_REMOTE_CPP="0",
                DISTCC_TRUST_NAMES="1",
                DISTCC_SAVE_TEMPS="1",
                DISTCC_SKIP_LOCAL_RETRY="1",
                DISTCC_SSH="tsocks-ssh",
                TMPDIR="/var/tmp",
                DISTCC_CONNECT_TIMEOUT="2",
                DISTCC_IO_TIMEOUT="600",
                DISTCC_BACKOFF_PERIOD="0",
                DISTCC_PAUSE_TIME_MSEC="250",
                DISTCC_JOURNAL="0",
                DISTCC_TLS_CERTIFICATE="/tls/me.pem",
                DISTCC_TLS_KEY="/tls/me.key",
                DISTCC_TLS_CA="/tls/farm.pem",
                DISTCC_TLS_CRL="/tls/farm.crl",
                DISTCC_ENGINES="/etc/engines.toml",
                DISTCC_ENGINE_INSTANCE="main",
                DISTCC_ENGINE_PLATFORM="os=linux",
                DISTCC_ENGINE_HEADERS="x-key=y",
                DISTCC_ENGINE_CA="/tls/engines.pem",
                DISTCC_ENGINE_CERTIFICATE="/tls/me-there.pem",
                DISTCC_ENGINE_KEY="/tls/me-there.key",
            ),
            Settings(
                directory="/farm",
                fallback=False,
                remote_cpp=False,
                trust_names=True,
                save_temps=True,
                skip_local_retry=True,
                ssh="tsocks-ssh",
                tmpdir="/var/tmp",
                connect_timeout=2,
                io_timeout=600,
                backoff_period=0,
                pause=0.25,
                journal=False,
                tls=TlsPaths(
                    certificate="/tls/me.pem",
                    key="/tls/me.key",
                    ca="/tls/farm.pem",
                    crl="/tls/farm.crl",
                    wants_crl=True,
                ),
                engines=EngineVariables(
                    file="/etc/engines.toml",
                    instance="main",
                    platform="os=linux",
                    headers="x-key=y",
                    ca="/tls/engines.pem",
                    certificate="/tls/me-there.pem",
                    key="/tls/me-there.key",
                ),
            ),
        )

    def test_skip_local_retry_counts_however_it_is_set(self) -> None:
        """distcc(1) says "if set", and distcc takes 0 and nothing for set."""
        for value in ("", "0", "1", "no"):
            self.assertTrue(settings(DISTCC_SKIP_LOCAL_RETRY=value).skip_local_retry)

    def test_a_pause_is_never_nothing(self) -> None:
        """A pause of 0 would be a busy loop: it is taken for a hundredth of a second."""
        self.assertEqual(settings(DISTCC_PAUSE_TIME_MSEC="0").pause, 0.01)

    def test_undecodable_paths_are_kept(self) -> None:
        """A path with bytes that are no UTF-8 passes as `os.fsdecode` gives it."""
        self.assertEqual(settings(DISTCC_DIR="/x/\udcff").directory, "/x/\udcff")


class NoticeTests(SynchronousTestCase):
    def test_nonsense_is_named(self) -> None:
        """A value that means nothing counts as the default, and is told with what is accepted."""
        for name, value, accepted, default in (
            ("DISTCC_FALLBACK", "no", "0 (no) or 1 (yes)", "1"),
            ("DISTCC_REMOTE_CPP", "off", "0 (no) or 1 (yes)", "1"),
            ("DISTCC_SAVE_TEMPS", "2", "0 (no) or 1 (yes)", "0"),
            ("DISTCC_SAVE_TEMPS", "true", "0 (no) or 1 (yes)", "0"),
            ("DISTCC_IO_TIMEOUT", "0", "a whole number of seconds, at least 1", "300"),
            ("DISTCC_IO_TIMEOUT", "1.5", "a whole number of seconds, at least 1", "300"),
            ("DISTCC_CONNECT_TIMEOUT", "-1", "a whole number of seconds, at least 1", "4"),
            ("DISTCC_BACKOFF_PERIOD", "10x", "a whole number of seconds, at least 0", "60"),
            ("DISTCC_PAUSE_TIME_MSEC", "soon", "a whole number of milliseconds", "100"),
        ):
            found = settings(**{name: value})
            (notice,) = found.notices
            expected = f'{name} is "{value}": it has to be {accepted}; it counts as {default}'
            self.assertEqual(str(notice), expected)
            self.assertEqual(replace(found, notices=()), settings())

    def test_several(self) -> None:
        """Each is told."""
        found = settings(DISTCC_FALLBACK="no", DISTCC_IO_TIMEOUT="soon", DISTCC_BACKOFF_PERIOD="7")
        self.assertEqual(len(found.notices), 2)
        self.assertEqual(found.backoff_period, 7)


class RefusalTests(SynchronousTestCase):
    def test_no_place_for_lock_files(self) -> None:
        """Without DISTCC_DIR and HOME no directory is named, and no file of anybody's is meant."""
        made = Settings.from_environ({"HOME": ""})
        self.assertIsNone(made.directory)
        self.assertIsNone(made.lock_directory)
        self.assertEqual(made.tls.key, "/nonexistent/tls/key.pem")


class DirectoryTests(SynchronousTestCase):
    def test_the_order_of_places(self) -> None:
        """DISTCC_DIR goes before HOME; without both there is no directory."""
        self.assertEqual(distcc_directory(HOME | {"DISTCC_DIR": "/farm"}), "/farm")
        self.assertEqual(distcc_directory(HOME), "/home/ada/.distcc")
        self.assertIsNone(distcc_directory({}))


class WholeNumberTests(SynchronousTestCase):
    def test_only_digits_count(self) -> None:
        """Signs, spaces, underscores, other scripts' digits and endless numbers are no numbers."""
        self.assertEqual([whole_number(text) for text in ("0", "007", "999999999")], [0, 7, 999999999])
        for text in ("", "-1", "+1", " 1", "1_0", "1.0", "٣", "²", "1" * 10, "1" * 5000):
            self.assertIsNone(whole_number(text), text)
