"""Real servers, real users and real strangers, over TLS on loopback."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from pathlib import Path
from typing import Any

from tests.agent.home import HomeTestCase
from tests.distccd import start_distccd
from tests.live import Child, LiveServer, open_to_all, until
from tests.tls.certificates import CLIENT, DAY, SERVER, Authority, Made, files_in, replace, write
from twisted_distcc.server.daemon.privileges import account

_TLS = re.compile(r"listening on (\S+) port (\d+) for TLS$", re.MULTILINE)


class SecureTestCase(HomeTestCase):
    """A farm with an authority, and a user alice of it, at home here."""

    def setUp(self) -> None:
        super().setUp()
        self.authority = Authority()
        self.alice = self.authority.user("alice")
        self.tls = self.home / ".distcc" / "tls"
        self.shows(self.alice)
        self.environ |= {"DISTCC_FALLBACK": "0", "DISTCC_BACKOFF_PERIOD": "0"}
        self.server_folder = self.home / "server"

    def shows(self, made: Made, trusted: Authority | None = None) -> None:
        """Give the user these credentials."""
        write(self.tls, made, trusted or self.authority)

    async def serve_tls(
        self,
        *options: str,
        made: Made | None = None,
        trusted: Authority | None = None,
        bundle: Path | None = None,
        **environ: str,
    ) -> LiveServer:
        """Start a server with a TLS port alone, for 127.0.0.1 if nothing else is given.

        It serves every certificate of its authority, unless the options name users.
        """
        named = any(option.startswith(("--allow-user", "--policy")) for option in options)
        everybody = () if named else ("--allow-user=*",)
        if bundle is not None:
            shutil.copytree(bundle, self.server_folder)
            self.server_folder.chmod(0o755)
            files = files_in(self.server_folder)
        else:
            shown = made or self.authority.server("127.0.0.1", "localhost")
            files = write(self.server_folder, shown, trusted or self.authority)
        server = self.start_server(
            "twistd", "--nodaemon", "--pidfile=", "distccd", "--listen=127.0.0.1", "--port=0",
            "--tls-port=0", f"--tls-certificate={files.certificate}", f"--tls-key={files.key}",
            f"--tls-ca={files.ca}", f"--tls-crl={files.crl}", "--log-level=debug", "--log-file=log",
            *everybody, *options, environ=environ,
        )  # fmt: skip
        await server.ready()
        self.addCleanup(self.ends_in_order, server)
        return server

    async def ends_in_order(self, server: LiveServer) -> None:
        """Stop a server, which ends by that, and has met nothing that it did not expect."""
        self.assertEqual(await server.stop(), -signal.SIGTERM)
        self.assertNotIn("Traceback", server.log)

    def host(self, server: LiveServer) -> str:
        """Write the server's TLS port as hosts lists do."""
        [(address, port)] = _TLS.findall(server.log)
        return f"{address}:{port},tls"

    async def fails(self, host: str, *parts: str) -> None:
        """Compile on `host` alone, which does not work; the user reads these parts of a sentence."""
        child = self.tdistcc("gcc", "-c", "hello.c", "-o", "hello.o", DISTCC_HOSTS=host)
        self.assertNotEqual(await child.ended(), 0)
        for part in parts:
            self.assertIn(part, child.stderr)

    def hand_over(self, key: Path) -> None:
        """Let the server read a new key: it is root no more, if it ever was."""
        if (becomes := account(None)) is not None:
            os.chown(key, becomes.uid, becomes.gid)

    def revoke(self, made: Made) -> None:
        """Put a certificate on the server's list."""
        self.authority.revoked.append(made.certificate)
        replace(self.server_folder / "crl.pem", self.authority.revocations())


class CompilingTests(SecureTestCase):
    async def test_by_way_of_the_agent(self) -> None:
        """tdistcc compiles over TLS, and the log names the user; nobody else is listened to."""
        server = await self.serve_tls()
        self.assertEqual(server.addresses, [])
        for _ in range(2):
            await self.compiles(DISTCC_HOSTS=self.host(server))
        await server.logged(r"job peer=tls:alice@127\.0\.0\.1:\d+ verdict=done")
        self.assertEqual(len(server.jobs), 2)

    async def test_without_an_agent(self) -> None:
        """So does a tdistcc that works alone, with files that its variables name."""
        server = await self.serve_tls()
        elsewhere = self.home / "elsewhere"
        self.tls.rename(elsewhere)
        await self.compiles(
            DISTCC_HOSTS=self.host(server),
            DISTCC_AGENT="0",
            DISTCC_TLS_CERTIFICATE=f"{elsewhere}/certificate.pem",
            DISTCC_TLS_KEY="../elsewhere/key.pem",
            DISTCC_TLS_CA=f"{elsewhere}/ca.pem",
        )
        await server.logged("job peer=tls:alice@")

    async def test_both_ports(self) -> None:
        """With --allow there is a bare port as well, and C distcc compiles there as ever."""
        server = await self.serve_tls("--allow=127.0.0.1")
        await self.succeeds(
            "distcc", "gcc", "-c", "hello.c", "-o", "c.o", DISTCC_HOSTS=f"127.0.0.1:{server.port}"
        )
        self.is_right("c.o")
        await self.compiles(DISTCC_HOSTS=self.host(server))
        await server.logged("job peer=tcp:127.0.0.1:")
        await server.logged("job peer=tls:alice@127.0.0.1:")

    async def test_a_large_source(self) -> None:
        """What does not fit into one record, or one buffer, arrives whole in both directions."""
        server = await self.serve_tls()
        numbers = ",".join(str(number * 2654435761 % 2**31) for number in range(100_000))
        (self.work / "hello.c").write_text(f"const int table[] = {{{numbers}}};\n")
        await self.compiles(DISTCC_HOSTS=self.host(server))
        # A server that root started may be unable to start our Python, which would expand it.
        if "may not read" not in server.log:
            await self.compiles(DISTCC_HOSTS=self.host(server) + ",lzo")


class RefusalTests(SecureTestCase):
    async def test_users_who_are_not_trusted(self) -> None:
        """Each reads why, and so does the server's administrator; none is served."""
        server = await self.serve_tls()
        revoked = self.authority.user("mallory")
        self.revoke(revoked)
        await server.logged("read again")
        other = Authority("elsewhere").user("mallory")
        purpose = self.authority.make("mallory", SERVER, ["mallory"])
        for made, heard, logged in (
            (revoked, "our certificate was revoked", "of mallory was revoked"),
            (other, "was not issued by the authority", "of mallory was not issued by an authority"),
            (purpose, "is for another purpose", "of mallory is not for a user"),
        ):
            self.shows(made)
            await self.fails(self.host(server), "does not trust us: ", heard)
            await server.logged(f"127.0.0.1:.* is not trusted: the certificate {logged}")
        self.assertEqual(server.jobs, [])

    async def test_users_who_are_not_named(self) -> None:
        """A trusted certificate alone serves nobody: the administrator names users, or all of them."""
        server = await self.serve_tls("--allow-user=bob")
        await self.fails(self.host(server), "the server refuses this job", "--allow-user")
        self.shows(self.authority.user("bob"))
        await self.compiles(DISTCC_HOSTS=self.host(server))

    async def test_an_expired_certificate(self) -> None:
        """A user whose certificate has ended reads that, before anybody is called."""
        server = await self.serve_tls()
        self.shows(self.authority.user("alice", ends=-DAY))
        await self.fails(self.host(server), "the certificate of alice expired on", "certs renew")

    async def test_no_certificate(self) -> None:
        """A user without one reads which file is wanted and who makes it, and compiles elsewhere."""
        server = await self.serve_tls()
        shutil.rmtree(self.tls)
        await self.fails(
            self.host(server), f"{self.tls}/certificate.pem", "`twisted-distcc certs user NAME`"
        )
        child = await self.succeeds(
            "tdistcc", "gcc", "-c", "hello.c", "-o", "hello.o",
            DISTCC_HOSTS=self.host(server), DISTCC_FALLBACK="1",
        )  # fmt: skip
        self.assertIn("certificate.pem", child.stderr)
        self.is_right()

    async def test_servers_that_are_not_trusted(self) -> None:
        """A wrong name, a user's certificate, an authority of its own: nothing is sent to any."""
        authority, other = self.authority, Authority("elsewhere")
        for made, trusted, why in (
            (authority.server("red.example.org"), authority, "not of 127.0.0.1"),
            (authority.make("127.0.0.1", CLIENT, ["127.0.0.1"]), authority, "not for a server"),
            (other.server("127.0.0.1"), other, "not issued by an authority that is trusted here"),
        ):
            server = await self.serve_tls(made=made, trusted=trusted)
            await self.fails(self.host(server), "is not trusted: the certificate", why)
            await server.logged("does not trust us: our certificate")
            self.assertEqual(server.jobs, [])

    async def test_files_that_are_of_no_use(self) -> None:
        """A server does not start with them, and its last words say why."""
        files = write(self.server_folder, self.authority.server("127.0.0.1"), self.authority)
        given = {"certificate": files.certificate, "key": files.key, "ca": files.ca}
        for changes, why in (
            ({"allow-user": None}, "give --allow-user NAME"),
            ({"key": None}, "--tls-key is missing"),
            ({"ca": None}, "--tls-ca is missing"),
            ({"certificate": "/no/such.pem"}, "there is no certificate /no/such.pem"),
            ({"key": str(self.tls / "key.pem")}, "is not that of the certificate"),
        ):
            named = [] if "allow-user" in changes else ["--allow-user=alice"]
            words = [f"--tls-{name}={path}" for name, path in (given | changes).items() if path]
            child = await self.run_to_end(
                "twistd", "--nodaemon", "--pidfile=", "distccd", *named, *words
            )
            self.assertNotEqual(await child.ended(), 0)
            self.assertIn(why, (child.stdout.decode() + child.stderr).strip().splitlines()[-1])


class AuthorityTests(SecureTestCase):
    async def certs(self, *words: str) -> None:
        """Run `twisted-distcc certs`, as this user, to a good end."""
        await self.succeeds("twisted-distcc", "certs", *words)

    async def test_what_our_own_authority_makes(self) -> None:
        """The bundles of `twisted-distcc certs` serve both ends; a revoked user has had the last job."""
        made = self.home / ".distcc" / "authority"
        await self.certs("init", "--permit", "127.0.0.0/8")
        await self.certs("server", "127.0.0.1")
        await self.certs("user", "alice")
        server = await self.serve_tls(bundle=made / "servers" / "127.0.0.1")
        shutil.rmtree(self.tls)
        shutil.copytree(made / "users" / "alice", self.tls)
        await self.compiles(DISTCC_HOSTS=self.host(server))
        await server.logged("job peer=tls:alice@")
        await self.certs("revoke", "alice")
        shutil.copy(made / "crl.pem", self.server_folder)
        await server.logged("certificates were read again")
        await self.fails(self.host(server), "does not trust us: our certificate was revoked")


class StrangerTests(SecureTestCase):
    async def test_the_wrong_port(self) -> None:
        """TLS to the bare port and bare distcc to the TLS port end with a sentence."""
        server = await self.serve_tls("--allow=127.0.0.1")
        await self.fails(f"127.0.0.1:{server.port},tls", "does not speak TLS there")
        await server.logged("broke the protocol: .* that is TLS, which has a port of its own")
        child = self.run_in_home(
            "distcc", "gcc", "-c", "hello.c", DISTCC_BACKOFF_PERIOD="60",
            DISTCC_HOSTS=self.host(server).removesuffix(",tls"),
        )  # fmt: skip
        self.assertNotEqual(await child.ended(), 0)
        await server.logged("127.0.0.1:.* does not speak TLS there")

    async def test_a_server_without_tls(self) -> None:
        """C distccd, which knows no TLS, is said to speak none."""
        _, port = await start_distccd(self)
        await self.fails(f"127.0.0.1:{port},tls", "does not speak TLS there")

    async def openssl(self, server: LiveServer, *options: str) -> Child:
        """Send a request that is none by OpenSSL's own client, and wait for the server to hang up."""
        request = self.home / "request"
        request.write_bytes(b"DIST00000001ARGC00000000")
        with open(request, "rb") as stdin:
            child = self.start(
                "/usr/bin/openssl", "s_client", "-connect", self.host(server).removesuffix(",tls"),
                "-CAfile", f"{self.tls}/ca.pem", "-verify_return_error", "-ign_eof", *options,
                stdin=stdin.fileno(),
            )  # fmt: skip
        await child.ended()
        return child

    async def test_openssl(self) -> None:
        """OpenSSL's client without a certificate, and with an older TLS, is told so."""
        server = await self.serve_tls()
        child = await self.openssl(server)
        self.assertIn("alert certificate required", child.stderr)
        await server.logged("is not trusted: it showed no certificate")
        child = await self.openssl(server, "-tls1_2")
        self.assertIn("alert protocol version", child.stderr)

    async def test_sessions_of_openssl(self) -> None:
        """It goes on with a session, until the files of the server are read again."""
        server = await self.serve_tls()
        alice = ("-cert", f"{self.tls}/certificate.pem", "-key", f"{self.tls}/key.pem")
        session = str(self.home / "session")
        child = await self.openssl(server, *alice, "-sess_out", session)
        self.assertIn("New, TLSv1.3", child.stdout.decode())
        child = await self.openssl(server, *alice, "-sess_in", session)
        self.assertIn("Reused, TLSv1.3", child.stdout.decode())
        server.signal(signal.SIGHUP)
        await server.logged("read again")
        child = await self.openssl(server, *alice, "-sess_in", session)
        self.assertIn("New, TLSv1.3", child.stdout.decode())


class OversightTests(SecureTestCase):
    def accounts(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.home / "audit").read_text().splitlines()]

    async def test_users(self) -> None:
        """Of the authority's users those are served who are named, and the others read why not."""
        server = await self.serve_tls("--allow-user=alice", f"--audit-log={self.home}/audit")
        await self.compiles(DISTCC_HOSTS=self.host(server))
        self.shows(self.authority.user("bob"))
        reason = "rule 'certificates not listed' refuses it: certificate name not in --allow-user"
        await self.fails(self.host(server), reason)
        alice, bob = await until(
            lambda: len(found := self.accounts()) == 2 and found, "both are accounted for"
        )
        self.assertEqual((alice["identity"], alice["verdict"]), ("tls:alice", "done"))
        self.assertEqual((bob["identity"], bob["verdict"]), ("tls:bob", "refused"))
        self.assertEqual((bob["address"], bool(bob["names"])), ("127.0.0.1", True))

    async def test_strangers(self) -> None:
        """Who is not trusted at all is accounted for by his address, with the reason."""
        server = await self.serve_tls(f"--audit-log={self.home}/audit")
        self.shows(self.alice)
        self.revoke(self.alice)
        server.signal(signal.SIGHUP)
        await server.logged("read again")
        await self.fails(self.host(server), "revoked")
        account, *_ = await until(self.accounts, "it is accounted for")
        self.assertEqual((account["event"], account["identity"]), ("connection", "tcp:127.0.0.1"))
        self.assertIn("the certificate of alice was revoked", account["reasons"][0])


class RenewalTests(SecureTestCase):
    def slow_gcc(self) -> Path:
        """Make a compiler that waits until a file is there; give the folder of both."""
        folder = self.home / "slow"
        folder.mkdir()
        open_to_all(folder)
        program = folder / "gcc"
        program.write_text(
            f"#!/bin/sh\ntouch {folder}/began\nuntil [ -e {folder}/go ]; do sleep 0.05; done\n"
            'exec /usr/bin/gcc "$@"\n'
        )
        program.chmod(0o755)
        return folder

    async def test_in_the_middle_of_a_job(self) -> None:
        """New certificates disturb no job; who was revoked has had the last one."""
        slow = self.slow_gcc()
        server = await self.serve_tls("--sandbox=off", DISTCCD_PATH=f"{slow}:/usr/bin:/bin")
        host = self.host(server)
        self.environ["DISTCC_TRUST_NAMES"] = "1"  # of a script
        running = self.tdistcc("gcc", "-c", "hello.c", "-o", "hello.o", DISTCC_HOSTS=host)
        await until((slow / "began").exists, "the compiler runs")
        self.revoke(self.alice)
        write(self.server_folder, self.authority.server("127.0.0.1", "again"), self.authority)
        self.hand_over(self.server_folder / "key.pem")
        await server.logged("read again")
        (slow / "go").touch()
        self.assertEqual(await running.ended(), 0, running.stderr)
        self.is_right()
        await self.fails(host, "does not trust us: our certificate was revoked")
        self.shows(self.authority.user("bob"))
        await self.compiles(DISTCC_HOSTS=host)
        await server.logged("job peer=tls:bob@")

    async def test_files_that_cannot_be_used(self) -> None:
        """A server keeps what it has, says so, and takes what is mended; SIGHUP looks at once."""
        server = await self.serve_tls()
        key = self.server_folder / "key.pem"
        key.chmod(0o644)
        await server.logged("old certificates stay in use, .*chmod 600")
        await self.compiles(DISTCC_HOSTS=self.host(server))
        key.chmod(0o600)
        await server.logged("certificates were read again")
        server.signal(signal.SIGHUP)
        await until(lambda: server.log.count("certificates were read again") > 1, "it reads them again")

    async def test_the_users_own(self) -> None:
        """The agent shows a new certificate from the next job on."""
        server = await self.serve_tls()
        await self.compiles(DISTCC_HOSTS=self.host(server))
        agent = self.agent()
        self.shows(self.authority.user("alice-again"))
        await self.compiles(DISTCC_HOSTS=self.host(server))
        await server.logged("job peer=tls:alice-again@")
        self.assertEqual(self.agent(), agent)
