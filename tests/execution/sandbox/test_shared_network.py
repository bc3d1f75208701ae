"""The network that jobs share: empty, and gone with its descriptors."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.content.body import EMPTY
from twisted_distcc.execution.resource_limits import Limits
from twisted_distcc.execution.sandbox.builder import build
from twisted_distcc.execution.sandbox.jail import PROGRAM, Jail
from twisted_distcc.execution.sandbox.shared_network import shared_network
from twisted_distcc.execution.sandbox.trial import attempt
from twisted_distcc.jobs.model import Reply
from twisted_distcc.toolchain.discovery import whole_system

SHELL = whole_system("/bin/sh")
# Tells the namespaces that it is in, and the network's interfaces.
TELLS = "ls -l /proc/self/ns >&2; cat /proc/net/dev; exit 1"


class NetworkTests(SynchronousTestCase):
    def ran(self, beside: tuple[int, ...]) -> Reply:
        """Run a shell that sees all that is installed, as two descriptors say."""
        spool = Path(os.path.abspath(self.mktemp()))
        spool.mkdir()
        sandbox = build(Limits(), {"PATH": "/usr/bin:/bin"}, str(spool), program="jail")
        object.__setattr__(sandbox, "confiner", Jail(PROGRAM, beside))
        with sandbox.enclose(SHELL, ["/bin/sh", "-c", TELLS], "source", EMPTY) as job:
            return attempt(job)

    def namespaces(self, beside: tuple[int, ...]) -> dict[str, str]:
        lines = self.ran(beside).stderr.read().decode().splitlines()
        told = (line.split()[-1] for line in lines if "->" in line)
        return {name: line for line in told for name in [line.partition(":")[0]]}

    def test_empty(self) -> None:
        """There is the loopback interface that every network has, and it has carried nothing."""
        network = shared_network(PROGRAM)
        assert network is not None
        said = self.ran(network).stdout.read().decode().splitlines()[2:]
        self.assertEqual([line.split()[0] for line in said], ["lo:"])
        self.assertEqual(set(said[0].split()[1:]), {"0"})

    def test_what_is_shared(self) -> None:
        """Jobs have the network in common, and nothing with this process."""
        network = shared_network(PROGRAM)
        assert network is not None
        one, other, alone = (self.namespaces(beside) for beside in (network, network, ()))
        self.assertEqual(one["net"], other["net"])
        self.assertNotEqual(one["net"], alone["net"])
        for name in ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts"):
            self.assertNotIn(os.readlink(f"/proc/self/ns/{name}"), (one[name], alone[name]))

    def test_once(self) -> None:
        """It is made once, and not at all by a program that cannot."""
        self.assertEqual(shared_network(PROGRAM), shared_network(PROGRAM))
        self.assertIsNone(shared_network("/bin/true"))
        self.assertIsNone(shared_network("/no/such"))
