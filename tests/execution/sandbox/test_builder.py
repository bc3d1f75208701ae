"""Whether sandboxes can be made here, and what a person reads who has none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.errors import EXIT_PRIVILEGES
from twisted_distcc.execution.limits import Limits
from twisted_distcc.execution.sandbox import builder
from twisted_distcc.execution.sandbox.builder import BadLimitsError, NoSandboxError, build

# What bubblewrap says when it fails (0.4 to 0.11, in Debian, Ubuntu and containers), and what to tell.
FAILURES = (
    ("bwrap: Unknown option --json-status-fd", "too old here: 0.7 or newer"),
    ("bwrap: No permissions to create new namespace, likely because the kernel does not allow "
     "non-privileged user namespaces.", "kernel.unprivileged_userns_clone=1"),
    ("bwrap: Creating new namespace failed: No space left on device", "user.max_user_namespaces=10000"),
    ("bwrap: Creating new namespace failed: Operation not permitted", "seccomp=unconfined"),
    ("bwrap: setting up uid map: Permission denied", "kernel.apparmor_restrict_unprivileged_userns=0"),
    ("bwrap: Failed to make / slave: Permission denied", "apparmor=unconfined"),
    ("bwrap: Can't mount proc on /newroot/proc: Operation not permitted", "systempaths=unconfined"),
)  # fmt: skip

# Forbids namespaces as `user.max_user_namespaces=0` does, in a system of its own, and builds.
FORBIDDEN = """
import sys
from twisted_distcc.execution.limits import Limits
from twisted_distcc.execution.sandbox.builder import BadLimitsError, NoSandboxError, build
open("/proc/sys/user/max_user_namespaces", "w").write("0")
try:
    build(Limits(), {}, sys.argv[1])
except NoSandboxError as error:
    print(error)
"""


class BuilderTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(os.path.abspath(self.mktemp()))
        self.folder.mkdir()

    def programs(self, **scripts: str) -> None:
        """Have the programs of the sandbox looked for among these, and then where they usually are."""
        for name, script in scripts.items():
            path = self.folder / name
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)
        self.patch(builder, "_FOLDERS", (str(self.folder), "/usr/bin", "/bin"))

    def reason(self) -> str:
        with self.assertRaises(NoSandboxError) as caught:
            build(Limits(), {"PATH": "/usr/bin:/bin"}, str(self.folder))
        self.assertEqual(caught.exception.exit_code, EXIT_PRIVILEGES)
        return str(caught.exception)


class BuilderTests(BuilderTestCase):
    def test_here(self) -> None:
        """This machine can, so all that is said of sandboxes is tested here."""
        build(Limits(), {"PATH": "/usr/bin:/bin"}, str(self.folder))
        self.assertEqual(os.listdir(self.folder), [])

    def test_without_bubblewrap(self) -> None:
        """The sentence says what to install."""
        self.patch(builder, "_FOLDERS", (str(self.folder),))
        self.assertIn("`apt-get install bubblewrap`", self.reason())

    def test_failures(self) -> None:
        """What bubblewrap says becomes what to do about it, and is told as well."""
        for said, advice in FAILURES:
            self.programs(bwrap=f"cat >&2 <<'END'\n{said}\nEND\nexit 1")
            reason = self.reason()
            self.assertIn(advice, reason)
            self.assertIn(said, reason)

    def test_other_failures(self) -> None:
        """A reason that nobody has heard of is told as it is, and so is none at all."""
        self.programs(bwrap="echo 'bwrap: the moon is full' >&2; exit 1")
        self.assertIn("the moon is full", self.reason())
        self.programs(bwrap="exit 0")
        self.assertIn("bubblewrap ended with 0x0", self.reason())

    def test_limits_too_low(self) -> None:
        """Where not even a shell can work nobody waits for the first job to learn of it."""
        for limits in (Limits(open_files=8), Limits(memory=1024), Limits(space=2**63)):
            with self.assertRaisesRegex(BadLimitsError, "no compiler can run within these limits: .+"):
                build(limits, {"PATH": "/usr/bin:/bin"}, str(self.folder))

    def test_limits_where_there_is_no_sandbox(self) -> None:
        """They are not blamed for what is missing anyway."""
        self.programs(bwrap="echo 'bwrap: the moon is full' >&2; exit 1")
        with self.assertRaisesRegex(NoSandboxError, "the moon is full"):
            build(Limits(open_files=100), {"PATH": "/usr/bin:/bin"}, str(self.folder))

    def test_namespaces_forbidden(self) -> None:
        """Where the kernel allows no namespaces the sentence says how to allow them."""
        argv = [
            "unshare",
            "--user",
            "--map-root-user",
            sys.executable,
            "-c",
            FORBIDDEN,
            str(self.folder),
        ]
        ended = subprocess.run(argv, capture_output=True, text=True, check=False)
        self.assertEqual(ended.stderr, "")
        self.assertIn("user.max_user_namespaces=10000", ended.stdout)


class CompilerTests(BuilderTestCase):
    def test_one_that_works(self) -> None:
        """A compiler that compiles in a narrow sandbox gets one."""
        sandbox = build(Limits(), {"PATH": "/usr/bin:/bin"}, str(self.folder))
        for compiler in ("/usr/bin/gcc", "/usr/bin/clang"):
            sandbox.learn(compiler)
            self.assertTrue(sandbox.knows(compiler))
            self.assertFalse(sandbox.toolchains.get(compiler).is_whole_system)

    def test_one_that_does_not(self) -> None:
        """A program that makes no object in a narrow sandbox sees all that is installed."""
        sandbox = build(Limits(), {"PATH": "/usr/bin:/bin"}, str(self.folder))
        sandbox.learn("/bin/true")
        self.assertTrue(sandbox.toolchains.get("/bin/true").is_whole_system)
