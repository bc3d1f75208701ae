"""What servers and the host's files tell a client: targets of `targets`.

In: bytes, of which the first chooses among the ways to read the others.  Out: nothing, or a failure.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, cast

from twisted.internet.defer import Deferred

from tests.client.in_memory import OBJECT, DispatchTestCase, FakeAbilities, speaking
from tests.fuzz.checks import check_told
from tests.fuzz.folders import own_folder
from tests.hostile.test_tree_replies import token, words
from tests.wire.samples import put, reply, reply_writer
from twisted_distcc.client.backends.host_faults import HostError
from twisted_distcc.client.backends.likeness import Likeness, read_answer
from twisted_distcc.client.backends.server_capabilities import ServerCapabilities
from twisted_distcc.client.hosts import TcpHost
from twisted_distcc.client.invocation import Finished, RunHere
from twisted_distcc.client.results.dependency_rules import BadRulesError, check_rules
from twisted_distcc.client.scheduling.backoff import Backoff
from twisted_distcc.client.scheduling.slots import LockDirectoryError
from twisted_distcc.client.terminal import is_shown_whole, shown
from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.content.body import Body
from twisted_distcc.content.lzo import compress
from twisted_distcc.jobs.model import Reply

_ESCAPE: Final = re.compile(rb"\x1b\[[0-9;:]*[mK]|\x1b\]8;;[\x21-\x7e]*(?:\x07|\x1b\\)")
_SENT: Final = frozenset({"a.c", "b c.h", "d$e.h", "f#g.h", "h:i.h", "sub/../a.h", "/usr/include/x.h"})
_ASKED: Final = (
    "gcc -MD -c a.c",
    "gcc -MD -MP -c a.c",
    "clang -MMD -MT $(A) -MQ b$ -c a.c",
    "gcc -MD -MQ a\\#b -MT ./c -MQ d -c a.c",
)
_NOW: Final = 1_000_000_000
_DIGEST: Final = "sha256:1"


def terminal(data: bytes) -> None:
    """Show words of a server: no control character is among them but line ends, tabs and colours."""
    for utf_8 in (False, True):
        seen = shown(data, utf_8=utf_8)
        assert shown(seen, utf_8=utf_8) == seen
        assert is_shown_whole(seen, utf_8=utf_8)
        assert is_shown_whole(data, utf_8=utf_8) == (seen == data)
        plain = _ESCAPE.sub(b"", seen).replace(b"\r\n", b"\n")
        text = plain.decode("utf-8" if utf_8 else "latin-1", errors="surrogateescape")
        for character in text:
            code = ord(character)
            raw = code - 0xDC00 if 0xDC80 <= code <= 0xDCFF else None
            assert unicodedata.category(character) != "Cc" or character in "\t\n", (seen, utf_8)
            assert raw is None or raw >= 0xA0, (seen, utf_8)


def rules(data: bytes) -> None:
    """Check a dependency file: what is taken names files that were sent, in no word that make obeys."""
    number, text = data[:1], data[1:]
    understood = parse(_ASKED[(number or b"\0")[0] % len(_ASKED)].split())
    assert isinstance(understood, Compilation)
    try:
        check_rules(text, understood, _SENT.__contains__, lambda _: False)
    except BadRulesError as error:
        check_told(error)
        return
    _, colon, listed = os.fsdecode(text).replace("$(A)", "A").partition(": ")
    assert colon
    first, *others = listed.replace("\\\n", " ").split("\n")
    for word in re.findall(r"(?:\\.|[^\s\\])+", first):
        assert _unwritten(word) in _SENT, word
    for line in others:
        assert not line or (line.endswith(":") and _unwritten(line[:-1]) in _SENT), line


def _unwritten(word: str) -> str:
    """Return what make understands by a word."""
    assert "$" not in word.replace("$$", ""), word
    return re.sub(r"\\([ #:])", r"\1", word).replace("$$", "$")


def notes(data: bytes) -> None:
    """Find a note about a host, whatever is in it: it is told, and a new note can be made."""
    folder = _folder()
    note = folder / f"backoff_{_HOST.lock_name}_0"
    note.write_bytes(data)
    last = data.rstrip(b"\n").rpartition(b"\n")[2].partition(b" ")[0]
    at = int(last) if last.isdigit() and len(last) < 20 else _NOW * 10**9
    os.utime(note, ns=(min(at, 2**62), min(at, 2**62)))
    backoff = Backoff(str(folder), 60, lambda: _NOW)
    why = os.fsencode(backoff.why(_HOST))
    assert shown(why, utf_8=True) == why
    try:
        backoff.avoid(_HOST, "why")
        assert backoff.is_avoided(_HOST)
        backoff.forgive(_HOST)
    except LockDirectoryError:
        return
    assert not backoff.is_avoided(_HOST)


_HOST: Final = TcpHost("red")


@lru_cache
def _folder() -> Path:
    return own_folder()


def answers(data: bytes) -> None:
    """Read what a server says of its compiler: one of the five answers, or that it refuses."""
    status, said = (data[0] << 8, data[1:]) if data else (0, b"")
    try:
        likeness = read_answer(Reply(status, Body.of(said), Body.of(said)), _DIGEST)
    except HostError as error:
        check_told(error)
        return
    assert likeness is not Likeness.EXACT or (_DIGEST.encode() in said and not status)


_COMMANDS: Final = (
    ("/1", ("gcc", "-c", "hello.c", "-o", "hello.o")),
    ("/1,lzo", ("gcc", "-c", "hello.c", "-o", "hello.o")),
    ("/1,lzo,cpp", ("gcc", "-MD", "-MP", "-c", "hello.c", "-o", "hello.o")),
)
_HELLO: Final = {"hello.c": '#include "hello.h"\n', "hello.h": "int i;\n"}


def served_compile(data: bytes) -> None:
    """Compile with a server that says anything: what is asked for is written whole, or nothing is."""
    options, argv = _COMMANDS[data[0] % 4 % 3] if data else _COMMANDS[0]
    case = _case()
    case.capabilities.of_all = Likeness.EXACT if "cpp" in options else Likeness.OTHER
    case.environ["DISTCC_SKIP_LOCAL_RETRY"] = "1"
    case.serve(speaking(data[1:]), options=options)
    running = case.begin(case.invocation(*argv))
    outcome = cast("Finished | RunHere", _result(case, running))
    left = {path.name for path in case.work.iterdir()} - _HELLO.keys()
    for name in left:
        (case.work / name).unlink()
    if isinstance(outcome, RunHere):
        if outcome.slot is not None:
            outcome.slot.release()
        assert not left, left
    elif outcome.exit_code:
        assert not left, left
    else:
        assert left == ({"hello.o", "hello.d"} if "cpp" in options else {"hello.o"}), left
    case.nothing_is_left("hello.h")
    network = case.network
    for remembered in (network.joined, network.called, network.tcpClients, network.connectors):
        remembered.clear()
    for remembered in (case.preprocessor.commands, case.preprocessor.processes, case.told.said):
        remembered.clear()


def _result(case: DispatchTestCase, running: Deferred[object]) -> object:
    if not running.called:
        case.network.advance(1000)
        case.network.settle()
    return case.successResultOf(running)


class _Case(DispatchTestCase):
    def runTest(self) -> None:
        """It is no test itself."""

    def mktemp(self) -> str:
        return str(own_folder() / "case")


@lru_cache
def _case() -> DispatchTestCase:
    case = _Case()
    case.setUp()
    case.environ["DISTCC_BACKOFF_PERIOD"] = "0"
    for name, text in _HELLO.items():
        (case.work / name).write_text(text)
    case.preprocessor.listed = b"hello.o: hello.c hello.h\n"
    case.capabilities = FakeAbilities()
    object.__setattr__(case.dispatcher, "capabilities", cast(ServerCapabilities, case.capabilities))
    return case


_GOOD_RULES: Final = b"hello.o: hello.c hello.h\n\nhello.h:\n"
_SAID: Final = (
    b"\x1b[01m\x1b[Kx.c:1:\x1b[m\x1b[K caf\xc3\xa9\r\n\x1b]8;;https://gcc.gnu.org/x\x07W\x1b]8;;\x07"
)
SEEDS: Final[Mapping[str, tuple[bytes, ...]]] = MappingProxyType(
    {
        "terminal": (_SAID, b"\x1b]0;t\x07 \x9b2J \xc2\x9d \xf0\x9f\x98\x80 \xed\xa0\x80"),
        "rules": (
            b"\0a.o: a.c b\\ c.h d$$e.h \\\n f\\#g.h h:i.h\n",
            b"\1a.o: a.c /usr/include/x.h\n/usr/include/x.h:\n",
            b"\2$(A) b$$: a.c \\\n  sub/../a.h\n",
            b"\3c a\\\\#b d: a.c\n",
        ),
        "notes": (
            b"999999990000000000 red no route\n1000000000000000000 red/1 refused: hung up\n",
            b"1" * 30 + b" red it\n",
        ),
        "answers": (
            b'\0{"server": "twisted-distccd", "version": "1", "preprocesses": "exact", '
            b'"compiler": "sha256:1"}',
            b"\x6e",
        ),
        "served_compile": (
            b"\0" + put(reply_writer(), reply(1, 0, b"warned\n", b"", OBJECT)),
            b"\0" + put(reply_writer(), reply(1, 1 << 8, _SAID, b"said", b"")),
            b"\1" + put(reply_writer(), reply(2, 0, compress(_SAID), b"", compress(OBJECT))),
            b"\2" + words(rules=compress(_GOOD_RULES)),
            b"\2" + words(1 << 8) + token(b"DOTD", b""),
        ),
    }
)
TARGETS: Final = (terminal, rules, notes, answers, served_compile)
