"""Clients that mean harm, and what administrators write, as a server reads both: targets of `targets`.

In: bytes; of what a client sends the first two say how it comes.  Out: nothing, or a failure.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from types import MappingProxyType
from typing import Final, TypeVar

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.logger import LogEvent, globalLogPublisher
from twisted.python.failure import Failure

from tests.fuzz.checks import check_told
from tests.fuzz.folders import own_folder
from tests.server.in_memory import DEADLINES, Transport, at_once, no_process
from tests.server.talk import answer_of, request_bytes, tree_bytes
from tests.wire.samples import ANSWERED, recorded_request
from twisted_distcc.content.body import Body
from twisted_distcc.execution.inputs.layout import lay_out
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.policy.access import AllowList, BadNetworkError, everyone
from twisted_distcc.policy.command_list import BadCommandListError, CommandList
from twisted_distcc.policy.peer import Peer, certified_peer, tcp_peer
from twisted_distcc.policy.reading import BadPolicyError, parse_policy
from twisted_distcc.policy.verdict import Refused
from twisted_distcc.runtime.bulk import Bulk
from twisted_distcc.server.connection.server_protocol import DistccServerFactory, DistccServerProtocol
from twisted_distcc.server.job.authorize import Judge, Judged
from twisted_distcc.server.job.compiler_facts import CompilerFacts
from twisted_distcc.server.job.compiler_questions import Reception
from twisted_distcc.server.scheduling.admission import Admission
from twisted_distcc.toolchain.finding import Compilers
from twisted_distcc.wire.limits import Limits
from twisted_distcc.wire.session_grammar import SESSION_OPENING

T = TypeVar("T")

_LIMITS: Final = Limits(argument=1000, command=2000, source=100_000, files=20, name=500, names=2000)
_POLICY: Final = """
[[rule]]
name = "no plugins"
who = ["*"]
options = ["-fplugin*", "-Wl,*"]
verdict = "refuse"
reason = "none of these"
[[rule]]
name = "cross"
who = ["tcp:192.0.2.9"]
compilers = ["gcc", "/usr/*"]
only_options = ["-O*", "-W*", "-g*", "-f*", "-D", "-I"]
verdict = "allow"
slots = 2
share = true
[[rule]]
name = "near"
who = ["tls:*"]
from = ["192.0.2.0/24", "::1"]
verdict = "allow"
"""
_PEERS: Final = (
    tcp_peer("192.0.2.9", 4000),
    tcp_peer("::ffff:198.51.100.1", 4000),
    certified_peer("ada", ("CN=ada", "dns:x"), "::1", 1),
    Peer("stdio"),
)
_WAITS: Final = 1
_GOES: Final = 2
_IDLES: Final = 4


class _Transport(Transport):
    """Reads on, as real ones do, though it is going to close: that does nothing."""

    def resumeProducing(self) -> None:
        if not self.disconnecting:
            super().resumeProducing()

    def pauseProducing(self) -> None:
        if not self.disconnecting:
            super().pauseProducing()


class _Server:
    """A server in memory, whose compiler is done at once, or never."""

    def __init__(self) -> None:
        folder = own_folder()
        self.spool, compilers = folder / "spool", folder / "bin"
        self.spool.mkdir()
        compilers.mkdir()
        for name in ("gcc", "clang"):
            (compilers / name).touch(mode=0o755)
        self.clock = Clock()
        self.admission = Admission(jobs=1, queue=1)
        self.judge = Judge(Compilers((str(compilers),)), parse_policy(_POLICY, "p").decide)
        about = CompilerFacts(lambda _: Body.of(b"{}"), self.clock.seconds, lambda _: (0, 0, 0, 0, 0))
        self.factory = DistccServerFactory(
            Reception(self.judge, about, lambda: True, self, self.admission, self.compile),
            self.clock,
            Bulk(no_process, at_once, str(self.spool)),
            admit=everyone,
            admission=self.admission,
            limits=_LIMITS,
            deadlines=DEADLINES,
        )
        self.waits = False
        self.faults: list[LogEvent] = []
        globalLogPublisher.addObserver(self._keep)

    async def aside(self, work: Callable[[], T]) -> T:
        return work()

    async def compile(self, request: Request, peer: Peer) -> Reply:
        """Do what the request asks for, as far as no compiler is needed for it."""
        async with self.admission.seat(peer):
            judged = self.judge(request, peer)
            if isinstance(judged, Refused):
                assert str(judged).isprintable(), judged
                return Reply.sentence(judged.exit_code, str(judged))
            if request.tree is not None:
                lay_out(request.tree)
            if self.waits:
                await Deferred()
            return Reply(0, Body.of(b"warned"), object_file=Body.of(b"made"), dependencies=Body.of(b"d"))

    def connect(self) -> tuple[DistccServerProtocol, Transport]:
        protocol = self.factory.buildProtocol(None)
        assert isinstance(protocol, DistccServerProtocol)
        transport = _Transport(peerAddress=IPv4Address("TCP", "192.0.2.9", 4000))
        protocol.makeConnection(transport)
        return protocol, transport

    def _keep(self, event: LogEvent) -> None:
        if "log_failure" in event:
            self.faults.append(event)

    def have_turns(self) -> None:
        while any(call.getTime() <= self.clock.seconds() for call in self.clock.getDelayedCalls()):
            self.clock.advance(0)

    def check_nothing_left(self) -> None:
        faults, self.faults = self.faults, []
        assert not faults, faults
        assert not self.clock.getDelayedCalls()
        assert not [name for name in os.listdir(self.spool) if not name.startswith("blobs-")]
        assert not self.factory.sessions.blobs._holders
        holdings = self.admission.holdings
        for tally in (holdings.connections, holdings.turned_away, holdings.words, holdings.stored):
            assert not tally._total
            assert not tally._taken


@lru_cache
def the_server() -> _Server:
    """Return the server of all targets."""
    return _Server()


def serving(data: bytes) -> None:
    """Serve whatever a client sends: it gets one whole answer or none, and nothing of it is left."""
    size, course, rest = (data[0] + 1, data[1], data[2:]) if len(data) > 1 else (1, 0, b"")
    server = the_server()
    server.waits = bool(course & _WAITS)
    protocol, transport = server.connect()
    for start in range(0, len(rest), size * 4):
        if not transport.aborting:
            protocol.dataReceived(rest[start : start + size * 4])
            server.have_turns()
    if course & _IDLES:
        server.clock.advance(DEADLINES.idle)
    server.have_turns()
    is_session = rest.startswith(SESSION_OPENING)  # which `session_targets` know
    if not course & _GOES and not is_session and not transport.aborting and transport.value():
        answer_of(transport.value(), int(transport.value()[4:12], 16))
    protocol.connectionLost(Failure(ConnectionDone()))
    server.have_turns()
    server.check_nothing_left()


def judging(data: bytes) -> None:
    """Judge anybody's command: one of our compilers serves it, or he reads why not, in one line."""
    number, *words = data.split(b"\n")
    peer = _PEERS[len(number) % len(_PEERS)]
    judged = the_server().judge(Request(tuple(words)), peer)
    if isinstance(judged, Judged):
        assert os.path.basename(judged.compiler) in {"gcc", "clang"}
        return
    assert judged.exit_code
    assert all(sentence.isprintable() for sentence in (*judged.reasons, *judged.trace)), judged


def policies(data: bytes) -> None:
    """Read what an administrator wrote: it is understood, or he reads in one line what is wrong."""
    text = data.decode(errors="replace")
    try:
        policy = parse_policy(text, "p")
    except BadPolicyError as error:
        check_told(error)
    else:
        for peer in _PEERS:
            judged = Judge(the_server().judge.compilers, policy.decide)(
                Request((b"gcc", b"-c", b"a.c")), peer
            )
            assert isinstance(judged, Judged) or str(judged).isprintable()
    with suppress(BadNetworkError, BadCommandListError):
        AllowList.parse(text.split()).judge(_PEERS[0])
        CommandList.parse(text.splitlines()).match("a/gcc")


_ODD: Final = b"gcc\n-c\n-Xassembler\n-W\n-Wl,-z,now\n--std=c99\n-target\nx\n-Wp,-D,X\na.c\n-o\na.o"
SEEDS: Final[Mapping[str, tuple[bytes, ...]]] = MappingProxyType(
    {
        "serving": (
            b"\xff\0" + request_bytes(),
            b"\2\1" + request_bytes(version=2),
            b"\x40\4"
            + tree_bytes({b"/project/hello.c": b"int i;\n", b"/q/a.h": b""}, links={b"/r": b"q/."}),
            b"\xff\0" + request_bytes(("twisted-distccd", "about", "gcc"), b""),
            *(b"\x80\2" + recorded_request(name)[:1000] for name in ANSWERED[::3]),
        ),
        "judging": (
            b"\n" + _ODD,
            b"xx\nenv\nLC_ALL=C\nclang\n-c\na.c",
            b"\ngcc\n-O2\n-fplugin=x\n-c\na.c",
        ),
        "policies": (_POLICY.encode(), b"192.0.2.0/24 ::1/12 fe80::1%lo", b"# list\n/usr/bin/gcc\n"),
    }
)
TARGETS: Final = (serving, judging, policies)
