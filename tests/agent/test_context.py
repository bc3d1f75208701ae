"""What makes two processes differ so that they cannot share an agent."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.agent.context import AloneError, context_of, has_company, name_of, own_context

NAME = "from twisted_distcc.agent.context import *; print(name_of(own_context()))"
TRACED = f"import ctypes; ctypes.CDLL(None).ptrace(0, 0, 0, 0); {NAME}"
COMPANY = "from twisted_distcc.agent.context import *; print(has_company())"


def said(*prefix: str, program: str = NAME, **environ: str) -> str:
    """Give the last line of what a Python program says that is started behind `prefix`."""
    command = [*prefix, sys.executable, "-c", program]
    ended = subprocess.run(
        command, env=os.environ | environ, capture_output=True, check=False, text=True, timeout=30
    )
    return (ended.stdout + ended.stderr).splitlines()[-1]


class ContextTests(SynchronousTestCase):
    def test_of_itself_and_of_others(self) -> None:
        """What a process finds of itself is what others find of it."""
        with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as child:
            self.assertEqual(context_of(str(child.pid)), context_of("self"))
            child.communicate()
        self.assertEqual(context_of(str(os.getpid())), own_context())

    def test_of_nobody(self) -> None:
        """There is none of a process that is gone, or that we cannot see, whose number is 0."""
        with subprocess.Popen(["/bin/true"]) as child:
            child.wait()
            for number in (child.pid, 0):
                with self.assertRaises(OSError):
                    context_of(str(number))

    def test_the_name(self) -> None:
        """A child has the name of its parent; it is short, as names of sockets have to be."""
        name = name_of(own_context())
        self.assertEqual(said(), name)
        self.assertLess(len(name), 24)

    def test_company(self) -> None:
        """Whoever started us is company."""
        self.assertEqual(said("setsid", program=COMPANY), "True")


class DifferenceTests(SynchronousTestCase):
    """Who differs from us in one respect has another name."""

    def differs(self, *prefix: str) -> None:
        if shutil.which(prefix[0]) is None:
            self.skipTest(f"{prefix[0]} is not installed")
        name = said(*prefix)
        self.assertRegex(name, "^agent-[0-9a-f]+$")
        self.assertNotEqual(name, name_of(own_context()), prefix)

    def test_for_everybody(self) -> None:
        """Priority, limits, execution domain, and what was given up."""
        self.differs("nice", "-n", "3")
        self.differs("chrt", "--batch", "0")
        self.differs("/bin/sh", "-c", 'ulimit -c 0; ulimit -n 200; exec "$@"', "sh")
        self.differs("setarch", "--addr-no-randomize")
        self.differs("setpriv", "--no-new-privs")

    def test_namespaces(self) -> None:
        """Each kind of namespace that can be had."""
        options = ["--net", "--mount", "--ipc", "--uts", "--cgroup", "--time", "--user"]
        for option in options if os.getuid() == 0 else ["--user"]:
            self.differs("unshare", option)
        if os.getuid() == 0:
            self.differs("unshare", "--pid", "--fork", "--mount-proc")

    def test_for_root(self) -> None:
        """Groups, capabilities, and the root, also if it is the same folder by another mount."""
        if os.getuid() != 0:
            self.skipTest("only root can become somebody else")
        self.differs("setpriv", "--groups=33")
        self.differs("setpriv", "--regid=65534", "--keep-groups")
        self.differs("setpriv", "--bounding-set=-net_raw")
        mounted = os.path.abspath(self.mktemp())
        os.mkdir(mounted)
        script = 'mount --rbind / "$0" && chroot "$0" "$@"'
        outside = said(
            "unshare", "--mount", "/bin/sh", "-c", 'mount --rbind / "$0" && exec "$@"', mounted
        )
        self.assertNotEqual(said("unshare", "--mount", "/bin/sh", "-c", script, mounted), outside)


class AloneTests(SynchronousTestCase):
    """Those who cannot share an agent with anybody."""

    def alone(self, reason: str, *prefix: str, program: str = NAME, **environ: str) -> None:
        self.assertRegex(said(*prefix, program=program, **environ), reason)

    def test_libraries_between(self) -> None:
        """Whose system calls a library may change, as fakeroot's does."""
        self.alone("LD_PRELOAD is set", LD_PRELOAD="libm.so.6")
        self.alone("LD_AUDIT is set", LD_AUDIT="libm.so.6")
        self.assertRegex(said(LD_PRELOAD=""), "^agent-")

    def test_traced(self) -> None:
        """Whose system calls a tracer may change, as proot does."""
        self.alone("is traced", program=TRACED)

    def test_limited(self) -> None:
        """Whose limits would be an agent's end."""
        for limit in ("-t 1000", "-f 1000000", "-S -v 100000000", "-d 100000000"):
            self.alone("is limited", "/bin/bash", "-c", f'ulimit {limit}; exec "$@"', "bash")

    def test_whose_children_are_elsewhere(self) -> None:
        """Whose first child would be the first process of a namespace, or whom `/proc` hides."""
        if os.getuid() != 0:
            self.skipTest("only root can make PID namespaces")
        self.alone("child processes enter|does not show", "unshare", "--pid")
        self.alone("belongs to another", "unshare", "--pid", "--fork")
        hides = 'mount -t tmpfs none /proc && exec "$@"'
        self.alone("does not show", "unshare", "--mount", "/bin/sh", "-c", hides, "sh")

    def test_the_reason(self) -> None:
        """The reason is what the exception says."""
        with self.assertRaisesRegex(AloneError, "LD_PRELOAD"):
            self.patch(os, "environ", {"LD_PRELOAD": "x"})
            own_context()

    def test_company_of_nobody(self) -> None:
        """Nobody is company in namespaces that were made for one command."""
        if os.getuid() != 0:
            self.skipTest("only root can make namespaces")
        self.assertEqual(said("unshare", "--net", "setsid", "--wait", program=COMPANY), "False")

    def test_company_of_a_session(self) -> None:
        """Any process of another session is company, on a machine where nothing else may run."""
        with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, start_new_session=True) as other:
            self.assertTrue(has_company())
            other.communicate()
