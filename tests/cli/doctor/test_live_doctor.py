"""The doctor on broken set-ups: it names the fault, and the command that mends it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol

from tests.agent.home import HomeTestCase
from tests.distccd import NO_DISTCCD, start_distccd
from tests.faults.apart import ApartTestCase
from tests.live import LiveServer
from tests.sshd import MISSING, free_port, start_sshd
from tests.tls.certificates import DAY
from tests.tls.test_live import SecureTestCase

HOUR = timedelta(hours=1)


class Mail(Protocol):
    """Something that is no distcc server."""

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(b"220 mail.example.org ESMTP\r\n")


class DoctorTestCase(HomeTestCase):
    async def doctor(self, *words: str, **changes: str) -> tuple[int, list[dict[str, Any]]]:
        """Have a user's farm of gcc examined; give the exit status and what was found."""
        child = self.run_in_home("twisted-distcc", "doctor", "--json", *words, "gcc", **changes)
        status = await child.ended()
        self.assertEqual(child.stderr, "")
        told = json.loads(child.stdout)
        self.assertEqual(told["healthy"], status == 0)
        return status, told["findings"]

    async def finds(self, severity: str, text: str, mend: str, *words: str, **changes: str) -> None:
        """Examine; this is found, with what mends it, and makes the exit status."""
        status, findings = await self.doctor(*words, **changes)
        [found] = [one for one in findings if re.search(text, one["text"])] or [None]
        self.assertIsNotNone(found, findings)
        assert found is not None
        self.assertEqual((status, found["severity"]), (severity != "note", severity), findings)
        self.assertRegex(found["mend"] or "", mend)

    def lists(self, *words: str) -> None:
        self.environ["DISTCC_HOSTS"] = " ".join(words)


class HostTests(DoctorTestCase):
    async def farm(self, *options: str, **environ: str) -> LiveServer:
        server = await self.serve("--sandbox=auto", "--jobs=4", *options, environ=environ)
        self.lists(f"127.0.0.1:{server.port}/4")
        return server

    async def test_healthy(self) -> None:
        """Of a farm that is well a few lines say so, and the exit status."""
        await self.farm()
        child = await self.succeeds("twisted-distcc", "doctor", "gcc")
        lines = child.stdout.decode().splitlines()
        self.assertEqual((lines[-1], len(lines)), ("Nothing to mend.", 3), lines)
        self.assertIn("1 of 1 hosts answer, with 4 slots", lines[0])

    async def test_wrong_port(self) -> None:
        """Where nobody listens, the command that starts a server is named."""
        self.lists(f"127.0.0.1:{free_port()}")
        await self.finds(
            "fault", "cannot be reached: connection refused", "twistd distccd --allow-private"
        )

    async def test_refused_address(self) -> None:
        """A server that does not allow this machine is to be told to."""
        server = self.start_server(
            "twistd", "--nodaemon", "--pidfile=", "distccd", "--allow=192.0.2.1", "--listen=127.0.0.1",
            "--port=0", "--log-level=debug", "--log-file=log",
        )  # fmt: skip
        await server.ready()
        self.lists(f"127.0.0.1:{server.port}")
        await self.finds("fault", "127.0.0.1:.* not", "twistd distccd --allow 127.0.0.1 ")

    async def test_other_compiler(self) -> None:
        """It is said which versions there are, and which parts of the compiler differ."""
        folder = self.home / "server-bin"
        folder.mkdir()
        (folder / "gcc").symlink_to(str(shutil.which("clang")))
        await self.farm(DISTCCD_PATH=f"{folder}:/usr/bin:/bin")
        await self.finds(
            "fault",
            "has another gcc: .*clang version.* there, GCC .* here; what differs: .*cc1",
            "apt-get",
        )

    async def test_no_sandbox(self) -> None:
        """A server without a sandbox is a danger to its user, and slower."""
        await self.farm("--sandbox=off")
        await self.finds("warning", "without a sandbox", "apt-get install bubblewrap")

    async def test_no_compiler(self) -> None:
        """A server that lacks the compiler is told to install it."""
        await self.farm(DISTCCD_PATH=str(self.work))
        await self.finds("fault", "does not compile with gcc: .*has no gcc", "apt-get install gcc")

    async def test_too_many_slots(self) -> None:
        """More slots than the server has only make jobs wait there."""
        server = await self.farm()
        self.lists(f"127.0.0.1:{server.port}/40")
        await self.finds("warning", "40 jobs at once, and runs 4", f"write 127.0.0.1:{server.port} in")

    async def test_half_open(self) -> None:
        """A server that accepts and falls silent holds up neither the doctor nor the other hosts."""
        server = await self.farm()
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            self.lists(f"127.0.0.1:{port}", f"127.0.0.1:{server.port}/4")
            status, findings = await self.doctor("--timeout=1")
        self.assertEqual((status, len(findings)), (1, 1), findings)
        self.assertIn("accepts connections, and falls silent", findings[0]["text"])
        self.assertIn("restart", findings[0]["mend"])

    async def test_another_protocol(self) -> None:
        """What is no distcc server is said to be none."""
        port = reactor.listenTCP(0, Factory.forProtocol(Mail), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.lists(f"127.0.0.1:{port.getHost().port}")
        await self.finds("fault", "no distcc server", "127.0.0.1")


class DistccdTests(DoctorTestCase):
    skip = NO_DISTCCD

    async def test_healthy(self) -> None:
        """C distccd says nothing about itself: that is no fault, and a line is compiled to see."""
        _, port = await start_distccd(self)
        self.lists(f"127.0.0.1:{port}")
        await self.finds("note", "C distccd", "^$")

    async def test_other_compiler(self) -> None:
        """The version of its compiler is read from what it compiles."""
        folder = self.home / "server-bin"
        folder.mkdir()
        (folder / "gcc").write_text('#!/bin/sh\nexec clang "$@"\n')
        (folder / "gcc").chmod(0o755)
        _, port = await start_distccd(self, PATH=f"{folder}:/usr/bin:/bin")
        self.lists(f"127.0.0.1:{port}")
        await self.finds("fault", "has another gcc: .*clang version .* there, GCC .* here", "apt-get")


class UserTests(DoctorTestCase):
    async def test_misspelt(self) -> None:
        """A variable that is almost one of ours is named, with the one that is meant."""
        self.lists("localhost", "127.0.0.1:1")
        mend = "unset DISTCC_FALBACK; export DISTCC_FALLBACK=0"
        await self.finds("fault", "nobody reads DISTCC_FALBACK", mend, DISTCC_FALBACK="0")

    async def test_no_hosts(self) -> None:
        """Without a list of hosts, an example of one is shown."""
        await self.finds("fault", "everything is compiled here", "export DISTCC_HOSTS=")

    async def test_masquerade_loop(self) -> None:
        """A script that calls tdistcc by a compiler's name calls itself."""
        gcc = self.program("gcc", 'exec tdistcc gcc "$@"')
        self.lists("localhost")
        await self.finds("fault", f"{gcc} is a script that starts tdistcc.*a loop", f"rm {gcc}")

    async def test_nothing_but_links(self) -> None:
        """Links without a compiler behind them lead nowhere."""
        await self.succeeds("twisted-distcc", "masquerade", str(self.bin), "gcc")
        self.environ["PATH"] = f"{self.bin}:{Path(self.environ['PATH'].split(':')[1])}"
        self.lists("localhost")
        await self.finds("fault", "behind it there is no compiler", "apt-get install gcc")

    async def test_ccache_after_us(self) -> None:
        """A cache that comes after tdistcc on PATH is never asked."""
        cache = self.home / "ccache"
        cache.mkdir()
        (cache / "gcc").symlink_to(str(shutil.which("ccache")))
        await self.succeeds("twisted-distcc", "masquerade", str(self.bin), "gcc")
        self.environ["PATH"] = f"{self.bin}:{cache}:{os.environ['PATH']}"
        self.lists("localhost")
        await self.finds("warning", "tdistcc before ccache", f"export PATH={cache}:")

    async def test_silent_agent(self) -> None:
        """An agent that has been stopped is named by its number."""
        self.lists("localhost")
        await self.compiles()
        os.kill(agent := self.agent(), signal.SIGSTOP)
        mend = f"kill -9 {agent}"
        await self.finds("fault", f"agent .process {agent}. does not answer", mend, "--timeout=1")

    async def test_dead_agent(self) -> None:
        """One that was killed has left its socket, which does no harm."""
        self.lists("localhost")
        await self.compiles()
        await self.end_agents()
        status, findings = await self.doctor()
        [found] = [one for one in findings if "agent" in one["text"]]
        self.assertEqual(found["severity"], "note", status)
        self.assertIn(f"rm {self.runtime}", found["mend"])

    async def test_good_agent(self) -> None:
        """One that answers is no finding, and is there afterwards."""
        self.lists("localhost")
        await self.compiles()
        agent = self.agent()
        _, findings = await self.doctor()
        self.assertEqual([one for one in findings if "agent" in one["text"]], [])
        self.assertEqual(self.agents(), [agent])


class SshTests(DoctorTestCase):
    skip = MISSING

    async def test_password(self) -> None:
        """An ssh that would ask for a password asks nobody, and its user is told to copy a key."""
        folder = Path(self.runtime) / "sshd"
        ssh = await start_sshd(self, folder)
        (folder / "authorized").write_text("")
        script = ssh.read_text()
        port = script.partition("-p ")[2].split()[0]
        self.environ["DISTCC_SSH"] = (
            f"ssh -F none -p {port} -o UserKnownHostsFile={folder}/known -o StrictHostKeyChecking=no"
        )
        self.lists("alice@127.0.0.1")
        await self.finds(
            "fault", "asks for a password.*Permission denied", "ssh-copy-id alice@127.0.0.1"
        )

    async def test_unknown_host(self) -> None:
        """One that would ask whether to trust a server's key says so, too."""
        folder = Path(self.runtime) / "sshd"
        ssh = await start_sshd(self, folder)
        port = ssh.read_text().partition("-p ")[2].split()[0]
        self.environ["DISTCC_SSH"] = f"ssh -F none -p {port} -o UserKnownHostsFile=/dev/null"
        self.lists("@127.0.0.1")
        await self.finds("fault", "asks whether to trust its key", "ssh 127.0.0.1 true")

    async def test_no_server(self) -> None:
        """Where ssh finds no server, the user is told to write its path."""
        ssh = await start_sshd(self, Path(self.runtime) / "sshd")
        self.environ["DISTCC_SSH"] = str(ssh)
        self.lists("@127.0.0.1:/nonexistent/twistd-stdio")
        await self.finds(
            "fault", "No such file|not found", "write .*/opt/twisted-distcc/bin/twistd-stdio"
        )


class CredentialTests(DoctorTestCase, SecureTestCase):
    async def test_healthy(self) -> None:
        """A farm with certificates that are good for long is well."""
        server = await self.serve_tls(made=self.authority.server("127.0.0.1", ends=90 * DAY))
        self.shows(self.authority.user("alice", ends=90 * DAY))
        self.lists(f"{self.host(server)}")
        status, findings = await self.doctor()
        soon = [one for one in findings if "list of revoked" not in one["text"]]
        texts = [
            one["text"] for one in soon if "authority" not in one["text"] and one["severity"] != "note"
        ]
        self.assertEqual(texts, [], status)

    async def test_expired(self) -> None:
        """A user's certificate that has expired is to be renewed."""
        server = await self.serve_tls()
        self.shows(self.authority.user("alice", ends=-HOUR))
        self.lists(self.host(server))
        status, findings = await self.doctor()
        expired = [one for one in findings if "certificate of alice expired" in one["text"]]
        self.assertEqual((status, {one["severity"] for one in expired}), (1, {"fault"}), findings)
        self.assertTrue(all("certs renew" in one["mend"] for one in expired), findings)

    async def test_expires_soon(self) -> None:
        """One that will expire soon, the server's or the user's, is said to."""
        server = await self.serve_tls(made=self.authority.server("127.0.0.1", ends=2 * DAY))
        self.lists(self.host(server))
        await self.finds("warning", "the certificate of 127.0.0.1.* expires on", "certs renew 127.0.0.1")

    async def test_none(self) -> None:
        """Who has no certificate is told to have one made."""
        server = await self.serve_tls()
        shutil.rmtree(self.tls)
        self.lists(self.host(server))
        await self.finds("fault", "which ,tls hosts want to see", "certs user")


class DiskTests(ApartTestCase, DoctorTestCase):
    async def test_full(self) -> None:
        """A disk here that is full, and one there, are both found."""
        await self.be_apart()
        disk = self.home / "disk"
        await self.mount(disk, "1m")
        server = await self.serve("--jobs=4", environ={"TMPDIR": str(disk)})
        self.lists(f"127.0.0.1:{server.port}/4")
        self.fill(disk)
        status, findings = await self.doctor(TMPDIR=str(disk))
        texts = {one["text"]: one["mend"] for one in findings}
        [here] = [text for text in texts if "is full: no room for temporary files" in text]
        [there] = [text for text in texts if text.startswith("127.0.0.1:") and "sandbox" not in text]
        self.assertIn("export TMPDIR=/var/tmp", texts[here])
        self.assertIn("df -h", texts[there])
        self.assertEqual(status, 1)
