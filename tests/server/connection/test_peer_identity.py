"""Who is at the other end, by what the kernel and ssh say."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import tempfile
from ipaddress import ip_address
from unittest.mock import patch

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.server.talk import Client, request_bytes
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.policy.access import everyone
from twisted_distcc.policy.peer import STDIO, Peer
from twisted_distcc.server.connection.peer_identity import BadIdentityError, socket_peer, stream_peer
from twisted_distcc.server.connection.server_protocol import DistccServerFactory

SESSION = {"SSH_CONNECTION": "192.0.2.9 4000 192.0.2.1 22"}


class SocketTests(SynchronousTestCase):
    def test_a_network(self) -> None:
        """A TCP connection is its address, and is judged by that, whatever the environment says."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            client = socket.create_connection(listening.getsockname())
            with client, listening.accept()[0] as server:
                peer = stream_peer(server, None, SESSION)
                self.assertRaises(BadIdentityError, stream_peer, server, "alice", SESSION)
        self.assertEqual((peer.identity, peer.address), ("tcp:127.0.0.1", ip_address("127.0.0.1")))

    def test_a_unix_socket(self) -> None:
        """The kernel knows whose it is."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            self.assertEqual(socket_peer(ours), Peer(f"uid:{os.getuid()}"))
            self.assertEqual(stream_peer(ours, None, {}), Peer(f"uid:{os.getuid()}"))

    def test_a_unix_socket_of_sshd(self) -> None:
        """What sshd gives instead of pipes is the session's, not sshd's own user's."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            peer = stream_peer(ours, None, SESSION)
        self.assertEqual(peer.identity, f"ssh:{getpass.getuser()}")


class SessionTests(SynchronousTestCase):
    def test_an_account(self) -> None:
        """A session is its account's, from the address that ssh tells."""
        peer = stream_peer(None, None, SESSION)
        self.assertEqual(str(peer), f"ssh:{getpass.getuser()}")
        self.assertEqual(peer.address, ip_address("192.0.2.9"))

    def test_no_address(self) -> None:
        """Who comes to sshd by no network has no address, and is who sshd says all the same."""
        peer = stream_peer(None, None, {"SSH_CONNECTION": "UNKNOWN 65535 UNKNOWN 65535"})
        self.assertEqual((str(peer), peer.address), (f"ssh:{getpass.getuser()}", None))

    def test_an_account_without_a_name(self) -> None:
        """A number without a name is a number."""
        with patch("pwd.getpwuid", side_effect=KeyError):
            self.assertEqual(str(stream_peer(None, None, SESSION)), f"ssh:{os.getuid()}")

    def test_a_forced_command(self) -> None:
        """A key's own name goes before the account's."""
        self.assertEqual(str(stream_peer(None, "alice", SESSION)), "ssh:alice")
        self.assertEqual(stream_peer(None, "alice", {}).address, None)

    def test_names_that_are_none(self) -> None:
        """A name that could forge a line of the log, or be no name, is refused."""
        for name in ("", "a b", "a\nb", "x" * 101):
            self.assertRaises(BadIdentityError, stream_peer, None, name, SESSION)

    def test_nobody_said(self) -> None:
        """Whoever starts us on pipes without ssh needs no name."""
        self.assertEqual(stream_peer(None, None, {}), STDIO)


class TwistedTests(TestCase):
    async def test_a_unix_socket(self) -> None:
        """A server on a unix socket knows its clients by number too."""
        asked: Deferred[Peer] = Deferred()

        async def serve(request: Request, peer: Peer) -> Reply:
            asked.callback(peer)
            return Reply(0)

        folder = tempfile.mkdtemp(prefix="tdistcc-test-")  # trial's own name is too long for a socket
        self.addCleanup(shutil.rmtree, folder)
        path = f"{folder}/socket"
        port = reactor.listenUNIX(path, DistccServerFactory(serve, reactor, admit=everyone))
        self.addCleanup(port.stopListening)
        client = Client()
        client.connectionMade = lambda: None
        await connectProtocol(UNIXClientEndpoint(reactor, path), client)
        client.send(request_bytes())
        self.assertEqual(await asked, Peer(f"uid:{os.getuid()}"))
        await client.closed
