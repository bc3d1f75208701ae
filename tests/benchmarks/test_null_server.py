"""The server that answers at once, asked by our own client and by hand."""

import os
import socket
import subprocess
from contextlib import closing
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import benchmarks
from benchmarks.servers import LOOPBACK, null_server
from benchmarks.workbench import Workbench
from twisted_distcc.content.lzo import compress, expand

_OBJECT = b"an object, an object, an object, an object"
_NATIVE = Path(benchmarks.__file__).parent / "native"


def _token(name: bytes, data: bytes) -> bytes:
    return b"%s%08x%s" % (name, len(data), data)


class NullServerTests(SynchronousTestCase):
    """Each version of the protocol is read to its end and answered in kind."""

    def setUp(self):
        """Build the server, and start it."""
        folder = Path(self.mktemp()).absolute()
        bench = Workbench(folder, rounds=1, quick=True)
        bench.open_folder.mkdir(parents=True)
        bench.null_object.write_bytes(_OBJECT)
        bench.null_object_compressed.write_bytes(compress(_OBJECT))
        source = _NATIVE / "null_server.c"
        subprocess.run(["gcc", "-pthread", "-o", bench.null_server, source], check=True)
        running = null_server(bench)
        self.server = running.__enter__()
        self.addCleanup(running.__exit__, None, None, None)

    def _answer(self, request: bytes) -> bytes:
        with closing(socket.create_connection((LOOPBACK, self.server.port))) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def test_version_1(self):
        """A text is answered with the object as it is."""
        words = b"ARGC00000001" + _token(b"ARGV", b"gcc")
        answer = self._answer(b"DIST00000001" + words + _token(b"DOTI", b"x" * 200_000))
        self.assertEqual(
            answer,
            b"DONE00000001STAT00000000SERR00000000SOUT00000000" + _token(b"DOTO", _OBJECT),
        )

    def _answer_to_tree(self, *words: bytes) -> bytes:
        """Ask for a compile with a file and a link; give what follows the head of the answer."""
        files = (
            *(_token(b"NAME", b"/a.c"), _token(b"FILE", compress(b"int DOTI;" * 50))),
            *(_token(b"NAME", b"/b"), _token(b"LINK", b"/a.c")),
        )
        arguments = b"".join(_token(b"ARGV", word) for word in words)
        command = b"CDIR00000001/ARGC%08x%s" % (len(words), arguments)
        answer = self._answer(b"DIST00000003" + command + b"NFIL00000002" + b"".join(files))
        head = b"DONE00000003STAT00000000SERR00000000SOUT00000000"
        self.assertEqual(answer[: len(head)], head)
        return answer[len(head) :]

    def test_version_3(self):
        """Files and links are answered with a compressed object, and an empty dependency file."""
        answer = self._answer_to_tree(b"gcc", b"-c")
        self.assertEqual(answer, _token(b"DOTO", compress(_OBJECT)) + _token(b"DOTD", b""))

    def test_dependencies(self):
        """Where the command asks for dependencies, its target has one: the source."""
        for target in (b"a.o", b"x" * 229, b"x" * 230, b"x" * 600):
            for words in (
                (b"-MMD", b"-o", target),
                (b"-MD", b"-MF", b"x.c", b"-o", b"a.o", b"-MT", target),
            ):
                answer = self._answer_to_tree(b"gcc", *words, b"-c", b"/p/a.c")
                head = _token(b"DOTO", compress(_OBJECT)) + b"DOTD%08x"
                packed = answer[len(head) + 4 :]
                self.assertEqual(answer, head % len(packed) + packed)
                self.assertEqual(expand(packed, 1000), target + b": /p/a.c\n")

    def test_broken_off(self):
        """Half a request is no request."""
        self.assertEqual(self._answer(b"DIST00000003CDIR00000001/NFIL00000001"), b"")

    def test_log(self):
        """The log tells the versions that were asked for, in their order."""
        end = b"ARGC00000000" + _token(b"DOTI", b"")
        for version in (1, 2, 1):
            self._answer(b"DIST%08x" % version + end)
        self.assertEqual(os.fsdecode(self.server.log.read_bytes()), "121")
