"""Whether sandboxes can be made here, and what a person reads who has none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import twisted_distcc
from tests.server.standing import require_root
from twisted_distcc.errors import EXIT_PRIVILEGES
from twisted_distcc.execution.resource_limits import Limits
from twisted_distcc.execution.sandbox import builder
from twisted_distcc.execution.sandbox.builder import BadLimitsError, NoSandboxError, build
from twisted_distcc.execution.sandbox.causes import advised
from twisted_distcc.execution.sandbox.confined import Sandbox

# What bubblewrap says when it fails (0.4 to 0.11, in Debian, Ubuntu and containers), and what to tell.
FAILURES = (
    ("bwrap: Unknown option --json-status-fd", "too old here: 0.7 or newer"),
    ("bwrap: No permissions to create new namespace, likely because the kernel does not allow "
     "non-privileged user namespaces.", "kernel.unprivileged_userns_clone=1"),
    ("bwrap: Creating new namespace failed: No space left on device", "user.max_user_namespaces=10000"),
    ("bwrap: Creating new namespace failed: Operation not permitted", "seccomp=unconfined"),
    ("bwrap: setting up uid map: Permission denied", "kernel.apparmor_restrict_unprivileged_userns=0"),
    ("bwrap: Failed to make / slave: Permission denied", "apparmor=unconfined"),
    ("bwrap: Can't read /proc/sys/kernel/overflowuid: No such file or directory", "mount -t proc"),
    ("bwrap: Creating new namespace failed: nesting depth or /proc/sys/user/max_*_namespaces exceeded "
     "(ENOSPC)", "user.max_user_namespaces=10000"),
    ("bwrap: Can't mount proc on /newroot/proc: Operation not permitted", "systempaths=unconfined"),
)  # fmt: skip

KERNEL = {
    "mounts": "/proc/self/mountinfo",
    "limit": "/proc/sys/user/max_user_namespaces",
    "debian": "/proc/sys/kernel/unprivileged_userns_clone",
    "ubuntu": "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
    "profile": "/proc/self/attr/current",
    "status": "/proc/self/status",
}

# Forbids namespaces as `user.max_user_namespaces=0` does, in a system of its own, and builds.
FORBIDDEN = """
import sys
from twisted_distcc.execution.resource_limits import Limits
from twisted_distcc.execution.sandbox.builder import BadLimitsError, NoSandboxError, build
open("/proc/sys/user/max_user_namespaces", "w").write("0")
try:
    build(Limits(), {}, sys.argv[1])
except NoSandboxError as error:
    print(error)
"""
# Builds in a chroot that has what a server needs, as nobody.
CHROOT = """
mkdir -p "$1"
for folder in "$@" /bin /lib /lib64 /usr /dev /etc; do
    [ "$folder" != "$1" ] && mkdir -p "$1$folder" && mount --rbind "$folder" "$1$folder"
done
mkdir -p "$1/proc" "$1/spool"; mount -t proc proc "$1/proc"; chmod 777 "$1/spool"
exec chroot "$1" setpriv --reuid=nobody --regid=nogroup --clear-groups "$0" -c '
from twisted_distcc.execution.resource_limits import Limits
from twisted_distcc.execution.sandbox.builder import NoSandboxError, build
try:
    build(Limits(), {}, "/spool")
except NoSandboxError as error:
    print(error)
'
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

    def build(self, limits: Limits) -> Sandbox:
        """Build with bubblewrap, whose programs the tests put in place."""
        return build(limits, {"PATH": "/usr/bin:/bin"}, str(self.folder), program="bubblewrap")

    def reason(self) -> str:
        with self.assertRaises(NoSandboxError) as caught:
            self.build(Limits())
        self.assertEqual(caught.exception.exit_code, EXIT_PRIVILEGES)
        return str(caught.exception)


class BuilderTests(BuilderTestCase):
    def test_here(self) -> None:
        """This machine can, so all that is said of sandboxes is tested here."""
        for program, name in ((None, "jail"), ("jail", "jail"), ("bubblewrap", "bubblewrap")):
            sandbox = build(Limits(), {"PATH": "/usr/bin:/bin"}, str(self.folder), program=program)
            self.assertEqual(sandbox.confiner.name, name)
        self.assertEqual(os.listdir(self.folder), [])

    def test_without_jail(self) -> None:
        """Where it was not built, or does not work, bubblewrap takes over, unless it is asked for."""
        not_built, broken = self.folder / "none", self.folder / "broken"
        broken.write_text("#!/bin/sh\necho 'failed 38 namespaces' >&3; exit 1\n")
        broken.chmod(0o755)
        for jail, reason in ((not_built, "was not built"), (broken, "namespaces: Function not impl")):
            self.patch(builder, "PROGRAM", str(jail))
            environ = {"PATH": "/usr/bin:/bin"}
            sandbox = build(Limits(), environ, str(self.folder))
            self.assertEqual(sandbox.confiner.name, "bubblewrap")
            with self.assertRaisesRegex(NoSandboxError, reason):
                build(Limits(), environ, str(self.folder), program="jail")

    def test_without_bubblewrap(self) -> None:
        """The sentence says what to install."""
        (self.folder / "sh").symlink_to("/bin/sh")
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
        for limits in (Limits(open_files=2), Limits(memory=1024), Limits(space=2**63)):
            for program in ("jail", "bubblewrap"):
                with self.assertRaisesRegex(BadLimitsError, "can run within these limits: .+"):
                    build(limits, {"PATH": "/usr/bin:/bin"}, str(self.folder), program=program)

    def test_limits_where_there_is_no_sandbox(self) -> None:
        """They are not blamed for what is missing anyway."""
        self.programs(bwrap="echo 'bwrap: the moon is full' >&2; exit 1")
        with self.assertRaisesRegex(NoSandboxError, "the moon is full"):
            self.build(Limits(open_files=100))

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

    def test_a_chroot(self) -> None:
        """In a chroot, where the kernel allows no namespaces, the sentence says that it is one."""
        require_root()
        needed = (sys.prefix, sys.base_prefix, str(Path(twisted_distcc.__file__).parents[1]))
        argv = [
            "unshare",
            "--mount",
            "sh",
            "-c",
            CHROOT,
            sys.executable,
            str(self.folder / "root"),
            *needed,
        ]
        ended = subprocess.run(argv, capture_output=True, text=True, check=False)
        self.assertEqual(ended.stderr, "")
        self.assertTrue(ended.stdout.startswith("this is a chroot"), ended.stdout)


class CauseTests(SynchronousTestCase):
    """What the kernel's files tell, where bubblewrap says the same for all causes."""

    def advice(self, **files: str) -> str:
        known = {path: files[name] for name, path in KERNEL.items() if name in files}
        return advised("bwrap: No permissions to create new namespace", known.get)

    def test_each_cause(self) -> None:
        """One cause that is seen is told alone."""
        for files, advice in (
            ({"mounts": "74 45 254:0 /usr /usr rw - ext4 /dev/vda rw\n"}, "this is a chroot"),
            ({"limit": "0"}, "user.max_user_namespaces=10000"),
            ({"debian": "0"}, "kernel.unprivileged_userns_clone=1"),
            ({"ubuntu": "1"}, "kernel.apparmor_restrict_unprivileged_userns=0"),
            ({"profile": "docker-default (enforce)"}, "apparmor=unconfined"),
            ({"status": "Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t1\n"}, "seccomp=unconfined"),
        ):
            said = self.advice(**files)
            self.assertIn(advice, said)
            self.assertNotIn("one of these reasons", said)
            self.assertNotIn("; and ", said)

    def test_several(self) -> None:
        """All that are seen are told, as each would be enough."""
        said = self.advice(debian="0", ubuntu="1", limit="96365")
        self.assertRegex(said, "userns_clone=1.*; and .*apparmor_restrict")

    def test_none(self) -> None:
        """Where none is seen all are told, and the chroot first: one that is a mount cannot be seen."""
        said = self.advice(
            mounts="74 45 254:0 / / rw - ext4 /dev/vda rw\n", limit="96365", debian="1", ubuntu="0",
            profile="unconfined", status="Seccomp:\t0\n",
        )  # fmt: skip
        self.assertRegex(said, "for one of these reasons: this is a chroot.*seccomp=unconfined")


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
