"""What OpenSSL makes of our certificates and lists."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding
from twisted.trial.unittest import SynchronousTestCase

from tests.live import LiveTestCase, until
from tests.tls.authority.making import SCOPE
from twisted_distcc.tls.authority import Authority, Bundle, utc_now
from twisted_distcc.tls.authority.issued import Role
from twisted_distcc.tls.authority.ledger import Ledger
from twisted_distcc.tls.authority.scope import Scope, read_scope, usual_scope
from twisted_distcc.tls.authority.signing import Period, new_certificate, new_key

PURPOSES = {Role.SERVER: "sslserver", Role.USER: "sslclient"}


def openssl(*arguments: str | Path) -> str:
    """Run a command, and give all that it says."""
    done = subprocess.run(
        ["openssl", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.stdout


def copied(bundle: Path, folder: Path) -> Path:
    """Copy a bundle to a new folder, as its owner does."""
    folder.mkdir()
    for path in bundle.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


class VerifyTests(SynchronousTestCase):
    """`openssl verify -x509_strict` and `openssl crl`."""

    def setUp(self) -> None:
        self.authority = self.create(SCOPE)
        self.server = self.authority.issue_server(["build1.example.org", "10.0.0.5"])
        self.alice = self.authority.issue_user("alice")

    def create(self, scope: Scope | None) -> Authority:
        return Authority.create(Path(self.mktemp()).absolute(), scope)

    def verdict(self, bundle: Bundle, *options: str, role: Role | None = None) -> str:
        """Say what is wrong with a certificate, by what lies beside it; `OK` if nothing is."""
        said = openssl(
            "verify", "-x509_strict", "-purpose", PURPOSES[role or bundle.issued.role], "-crl_check",
            "-CAfile", bundle.folder / "ca.pem", "-CRLfile", bundle.folder / "crl.pem", *options,
            bundle.folder / "certificate.pem",
        )  # fmt: skip
        found = re.search(r"lookup: ?(.*)", said) or re.search(r": (OK)$", said, re.MULTILINE)
        assert found is not None, said
        return found[1]

    def outsider(self, authority: Authority, role: Role, names: Sequence[str]) -> str:
        """Say what is wrong with what a thief of the authority's key would sign."""
        signer = Ledger(authority.folder).signer()
        period = Period.of(utc_now(), timedelta(days=1))
        certificate = new_certificate(signer, new_key().public_key(), role, names, period)
        path = Path(self.mktemp())
        path.write_bytes(certificate.public_bytes(Encoding.PEM))
        said = openssl("verify", "-CAfile", authority.folder / "certificate.pem", path)
        found = re.search(r"lookup: ?(.*)", said)
        return found[1] if found else "OK"

    def test_good(self) -> None:
        """Both are good for what they are for, strictly read, and by all of a server's names."""
        self.assertEqual(self.verdict(self.alice), "OK")
        self.assertEqual(self.verdict(self.server, "-verify_hostname", "build1.example.org"), "OK")
        self.assertEqual(self.verdict(self.server, "-verify_ip", "10.0.0.5"), "OK")
        self.assertEqual(
            self.verdict(self.server, "-verify_hostname", "build2.example.org"), "hostname mismatch"
        )

    def test_only_an_address(self) -> None:
        """A server may have an address alone, also where the scope has no domain at all."""
        self.assertEqual(self.verdict(self.authority.issue_server(["10.0.0.6"])), "OK")
        self.authority = self.create(read_scope(["10.0.0.0/8", "fd00::/8"]))
        for address in ("10.0.0.5", "fd00::5"):
            bundle = self.authority.issue_server([address])
            self.assertEqual(self.verdict(bundle, "-verify_ip", address), "OK")

    def test_each_name_of_a_user(self) -> None:
        """No user that we accept is taken for a host outside of the scope."""
        for name in ("bob@example.com", "a.b@example.com", "x.example.org", "_ci-7", "7"):
            self.assertEqual(self.verdict(self.authority.issue_user(name)), "OK", name)

    def test_wrong_purpose(self) -> None:
        """Neither passes for the other."""
        for bundle, role in ((self.alice, Role.SERVER), (self.server, Role.USER)):
            self.assertRegex(self.verdict(bundle, role=role), "certificate purpose")

    def test_revoked(self) -> None:
        """Who is revoked is told apart from who is not."""
        kept = self.authority.renew(["alice"])[0]
        (self.alice,) = self.authority.renew(["alice"])
        self.authority.revoke(f"{kept.issued.serial:x}")
        self.assertEqual(self.verdict(self.alice), "OK")
        folder = copied(self.alice.folder, Path(self.mktemp()))
        self.authority.revoke("alice")
        (folder / "crl.pem").write_bytes((self.authority.folder / "crl.pem").read_bytes())
        self.assertEqual(self.verdict(Bundle(self.alice.issued, folder)), "certificate revoked")

    def test_list_outlives(self) -> None:
        """A certificate comes to its end before the list that lies beside it does."""
        long = self.authority.issue_user("bob", timedelta(days=1500))
        for bundle in (self.server, self.alice, long):
            last = int(bundle.issued.ends.timestamp())
            self.assertEqual(self.verdict(bundle, "-attime", str(last - 1)), "OK")
            self.assertEqual(self.verdict(bundle, "-attime", str(last + 1)), "certificate has expired")

    def test_list(self) -> None:
        """The list is the authority's, with all that it says."""
        self.authority.revoke("alice")
        said = openssl(
            "crl", "-in", self.authority.folder / "crl.pem", "-CAfile",
            self.authority.folder / "certificate.pem", "-verify", "-noout", "-text",
        )  # fmt: skip
        self.assertIn("verify OK", said)
        serial = self.alice.issued.serial
        in_bytes = serial.to_bytes((serial.bit_length() + 7) // 8).hex().upper()
        self.assertIn(f"Serial Number: {in_bytes}\n", said)

    def test_other_authority(self) -> None:
        """What another authority signed is nobody's."""
        bundle = Bundle(self.alice.issued, copied(self.alice.folder, Path(self.mktemp())))
        foreign = self.create(SCOPE).folder / "certificate.pem"
        (bundle.folder / "ca.pem").write_bytes(foreign.read_bytes())
        self.assertIn("unable to get local issuer certificate", self.verdict(bundle))

    def test_outside_the_scope(self) -> None:
        """Verifiers refuse a name outside, whatever the authority's key was made to sign."""
        domain, network = read_scope(["example.org"]), read_scope(["10.0.0.0/8"])
        for scope, good, bad in (
            (domain, ["x.example.org"], ["x.example.com", "10.0.0.5", "fd00::1"]),
            (network, ["10.0.0.5"], ["x.example.org", "11.0.0.1", "fd00::1"]),
            (
                usual_scope(""),
                ["x.lan", "192.168.0.1", "::1"],
                ["x.example.org", "8.8.8.8", "2001:db8::1"],
            ),
            (None, ["x.example.org", "8.8.8.8"], []),
        ):
            authority = self.create(scope)
            for name in good:
                self.assertEqual(self.outsider(authority, Role.SERVER, [name]), "OK", name)
            for name in bad:
                self.assertIn("subtree violation", self.outsider(authority, Role.SERVER, [name]), name)

    def test_user_like_a_host(self) -> None:
        """The users that we refuse for their names are those whom OpenSSL would refuse."""
        for name, verdict in (("alice", "OK"), ("alice.smith", "permitted subtree violation")):
            self.assertEqual(self.outsider(self.authority, Role.USER, [name]), verdict)

    def test_no_authority_below(self) -> None:
        """A user's certificate signs nothing, and the authority lets no other sign."""
        text = openssl("x509", "-in", self.authority.folder / "certificate.pem", "-noout", "-text")
        self.assertRegex(text, r"Basic Constraints: critical\s+CA:TRUE, pathlen:0")
        text = openssl("x509", "-in", self.alice.folder / "certificate.pem", "-noout", "-text")
        self.assertRegex(text, r"Basic Constraints: critical\s+CA:FALSE")
        self.assertRegex(text, r"Key Usage: critical\s+Digital Signature\n")
        self.assertIn("NIST CURVE: P-256", text)


class HandshakeTests(LiveTestCase):
    """`openssl s_server` and `openssl s_client` with nothing but bundles."""

    async def test_both_know_each_other(self) -> None:
        """Server and user verify each other by chain, purpose, name and list, in TLS 1.3."""
        authority = Authority.create(self.place(), SCOPE)
        server = authority.issue_server(["build1.example.org"])
        alice, bob = authority.issue_user("alice"), authority.issue_user("bob")
        bobs = copied(bob.folder, self.place())
        authority.revoke("bob")
        port = await self.serve_with(server.folder)
        said = await self.connect(port, alice.folder)
        self.assertIn("TLSv1.3", said)
        self.assertIn("Verify return code: 0 (ok)", said)
        self.assertIn("HTTP/1.0 200 ok", said)
        self.assertRegex(said, "Subject: CN ?= ?alice")
        self.assertRegex(await self.connect(port, bobs), "alert certificate revoked|alert number 44")

    async def serve_with(self, folder: Path) -> str:
        server = self.start(
            "openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-Verify", "1",
            "-verify_return_error", *self.options(folder),
        )  # fmt: skip
        found = await until(lambda: re.search(rb"ACCEPT 127.0.0.1:(\d+)", server.stdout), "it listens")
        assert found is not None
        return found[1].decode()

    async def connect(self, port: str, folder: Path) -> str:
        request = self.place()
        request.write_text("GET / HTTP/1.0\r\n\r\n")
        with open(request) as stdin:
            client = self.start(
                "openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-ign_eof",
                "-verify_return_error", "-verify_hostname", "build1.example.org", *self.options(folder),
                stdin=stdin.fileno(),
            )  # fmt: skip
            await client.ended()
        return client.stdout.decode() + client.stderr

    def options(self, folder: Path) -> list[str]:
        """Both ends use all of their bundle."""
        files = {"-cert": "certificate", "-key": "key", "-CAfile": "ca", "-CRL": "crl"}
        return [
            "-crl_check",
            "-x509_strict",
            *(word for option, name in files.items() for word in (option, f"{folder}/{name}.pem")),
        ]
