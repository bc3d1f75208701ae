"""What is fuzzed: functions that take any bytes, and fail by an exception that is a bug.

In: bytes, from atheris (`run`) or from hypothesis (`test_targets`).  Out: nothing, or a failure.  A
target refuses to know what the right answer is: it says what holds for all of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import chain, pairwise
from types import MappingProxyType
from typing import Final

from tests.fuzz import (
    agent_targets,
    client_targets,
    pump_targets,
    server_targets,
    session_targets,
    tls_targets,
)
from twisted_distcc.agent.frames import BadFrameError, pack_request, parse_header, unpack_request
from twisted_distcc.client.hosts_grammar import parse_hosts
from twisted_distcc.cmdline.compilation import Compilation, StayLocal
from twisted_distcc.cmdline.option_rules import Role
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.cmdline.preprocessed import source_forbids
from twisted_distcc.cmdline.response import split
from twisted_distcc.cmdline.rewrite import remote_argv, serve_argv, serve_tree_argv
from twisted_distcc.content.lzo import compress, expand, largest_expansion
from twisted_distcc.content.packed_content import PackedContent
from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.execution.inputs.layout import Fixture, lay_out
from twisted_distcc.execution.inputs.names import BadTreeError
from twisted_distcc.jobs.model import InputFile, InputLink, Tree
from twisted_distcc.launcher.packets import pack_start, unpack_start
from twisted_distcc.policy.rules import Wish
from twisted_distcc.wire.connection import Reader, Writer
from twisted_distcc.wire.events import BodyData, BodyEnd, BodyStart, Event, MessageEnd, Run, Text
from twisted_distcc.wire.grammar import DIST, DONE, REPLIES, REQUESTS, Field, Messages
from twisted_distcc.wire.limits import Limits

LOW: Final = Limits(
    arguments=4, argument=64, command=96, source=128, object_file=128, messages=64, files=3, name=48,
    names=64, trailing=16,
)  # fmt: skip
_CEILING: Final = 1 << 20
# An LZO1X body that begins with one literal, and its end.
_LITERAL: Final = b"\x12\xaa"
_END: Final = b"\x11\x00\x00"
_FIXTURE: Final = Fixture(
    folders=frozenset({b"/usr/lib/gcc"}),
    files=frozenset({b"/usr/bin/gcc-12", b"/dev/null"}),
    links=((b"/lib", b"usr/lib"), (b"/usr/bin/gcc", b"gcc-12")),
    system=(b"/usr/include",),
)
_FILES: Final[Mapping[str, str]] = MappingProxyType({"x": "-c @y", "y": "a.c '@x"})


def request(data: bytes) -> None:
    """Read a request, whole and in pieces."""
    _message(DIST, REQUESTS, data)


def reply(data: bytes) -> None:
    """Read a reply, whole and in pieces."""
    _message(DONE, REPLIES, data)


def _message(opening: Field, messages: Messages, data: bytes) -> None:
    """The first byte says how the others are cut; what is read is the same, and can be written again."""
    size, rest = (data[0] % 32 + 1, data[1:]) if data else (1, b"")
    whole, fault = _read(Reader(opening, messages, LOW), [rest])
    cut = [rest[start:end] for start, end in pairwise([*range(0, len(rest), size), len(rest)])]
    again, same_fault = _read(Reader(opening, messages, LOW), cut)
    assert (_joined(again), same_fault) == (_joined(whole), fault)
    writer = Writer(opening, messages, LOW)
    written = b"".join(writer.send(event) for event in whole)
    assert rest.startswith(written)


def _read(reader: Reader, pieces: list[bytes]) -> tuple[list[Event], str]:
    events: list[Event] = []
    fault = ""
    try:
        for piece in pieces:
            reader.feed(piece)
            assert len(reader._buffer) <= max(LOW.argument, LOW.name, LOW.trailing, 12) + len(piece)
            events.extend(reader.events())
        reader.close()
    except RemoteProtocolError as error:
        fault = str(error)
    assert fault.isprintable(), fault
    assert fault or events[-1] == MessageEnd()
    return events, fault


def _joined(events: list[Event]) -> list[Event]:
    """Join the pieces of each body, and undo runs."""
    joined: list[Event] = []
    for event in chain.from_iterable(map(_meant, events)):
        if joined and isinstance(event, BodyData) and isinstance(joined[-1], BodyData):
            joined[-1] = BodyData(joined[-1].data + event.data)
        else:
            joined.append(event)
    return joined


def _meant(event: Event) -> Iterator[Event]:
    if not isinstance(event, Run):
        yield event
        return
    for token, data in event.tokens:
        if token != b"FILE":
            yield Text(token, data)
            continue
        yield BodyStart(token, len(data))
        if data:
            yield BodyData(data)
        yield BodyEnd(token)


def lzo(data: bytes) -> None:
    """Expand a body within bounds; compress it, and get it back."""
    assert expand(compress(data), len(data)) == data
    for body in (data, _LITERAL + data + _END):
        _expand(body)


def _expand(body: bytes) -> None:
    bound = largest_expansion(body)
    try:
        expanded = expand(body, _CEILING)
    except RemoteProtocolError:
        return
    assert len(expanded) <= min(_CEILING, bound)


def command(data: bytes) -> None:
    """Judge a command, as a client and as a server; what travels is understood at the other end."""
    words = [os.fsdecode(word) for word in data.split(b"\n")]
    served = parse(words, arrived=True)
    if isinstance(served, Compilation):
        argv = serve_argv(served, "/usr/bin/gcc", "in.i", "out.o")
        assert not any("\0" in word for word in argv)
    brought = parse(words, arrived=True, with_files=True)
    if isinstance(brought, Compilation):
        argv = serve_tree_argv(brought, "/usr/bin/gcc", "/out.o", "/out.d")
        assert not any(word.startswith("@") for word in argv), argv
    alone = parse(words, arrived=True, with_files=True, confined=True)
    assert isinstance(alone, StayLocal) or not alone.loads_code
    loading = parse(words, arrived=True, with_files=True, confined=True, brings_tools=True)
    assert isinstance(loading, Compilation) or isinstance(alone, StayLocal)
    sent = parse(words, _FILES.get)
    if isinstance(sent, Compilation):
        assert isinstance(parse(remote_argv(sent, "/folder"), arrived=True), Compilation)
    else:
        assert sent.reason.isprintable(), sent.reason


def spelled(data: bytes) -> None:
    """Write a command as it was understood: it is understood so again, and rules see it so."""
    words = os.fsdecode(data.replace(b" ", b"_")).split("\n")  # a blank stands before arguments
    served = parse(words, arrived=True)
    if not isinstance(served, Compilation):
        return
    argv = serve_argv(served, served.compiler, served.source, "out.o")
    again = parse(argv, arrived=True)
    assert isinstance(again, Compilation), again
    assert serve_argv(again, served.compiler, served.source, "out.o") == argv
    for option in Wish.of((served.compiler,), served).options:
        assert option.ways
        for way in filter(_is_one_option, option.ways if option.role is not Role.LINK else ()):
            typed = parse([served.compiler, "-c", *way.split(" "), "a.c"], arrived=True)
            if isinstance(typed, Compilation):
                assert any(way in one.ways for one in Wish.of((served.compiler,), typed).options), way


def _is_one_option(way: str) -> bool:
    """Tell whether `way` is read as it was made: `-Wl,` parts an argument, and `=` may be doubled."""
    return "," not in way and "==" not in way


def tree(data: bytes) -> None:
    """Lay out files and links, one a line: whatever lies somewhere lies in folders, below no link."""
    named = [line.partition(b">") for line in data.split(b"\n")]
    nothing = PackedContent.of(b"")
    entries = [
        InputLink(name, target) if sign else InputFile(name, nothing) for name, sign, target in named
    ]
    try:
        layout = lay_out(Tree(b"/p", tuple(entries)), _FIXTURE)
    except BadTreeError:
        return
    folders = {b"", *layout.folders}
    taken = [*folders, *layout.files, *layout.links, *layout.points]
    assert len(set(taken)) == len(taken), taken
    for path in taken:
        assert path.rpartition(b"/")[0] in folders, path
        assert path.split(b"/")[1:2] not in ([b"proc"], [b"sys"]), path


def response_file(data: bytes) -> None:
    """Split a response file, and look through a source."""
    split(os.fsdecode(data))
    source_forbids(data)


def hosts(data: bytes) -> None:
    """Read a list of hosts; what is understood means the same when it is written again."""
    understood = parse_hosts(os.fsdecode(data)).hosts
    assert parse_hosts(" ".join(map(str, understood))).hosts == understood


def packets(data: bytes) -> None:
    """Hand words to a launcher and to an agent: they arrive, or are refused."""
    words = data.split(b"\n")
    try:
        packed = pack_start(7, 3, 0o22, words[0], words, [])
    except ValueError:
        assert b"\0" in data
    else:
        assert unpack_start(packed)[3:5] == (words[0], words)
    if b"\0" not in data:
        assert unpack_request(pack_request(b"s", 0, 0o22, b",", words[0], words, words))[5:] == (
            words,
            words,
        )
    for read in (parse_header, unpack_request):
        with suppress(BadFrameError):
            read(data)


_WORDS: Final = b"gcc\n-c\n-O2\n-Wp,-MD,x.d\n-MT\nx\n-DX=1\n-Wa,-W\n-x\nc++\n@x\na.c\n-o\na.o"
_HOSTS: Final = b"localhost/2 --randomize red:99/8,lzo ada@blue/3:/d,cpp [::1]:3632,tls +zeroconf # x"
# Where a search begins: bytes that each target takes.
SEEDS: Final[Mapping[str, tuple[bytes, ...]]] = MappingProxyType(
    {
        "request": (
            b"\x04DIST00000001ARGC00000002ARGV00000002ccARGV00000002-cDOTI00000003xyz",
            b"\x1fDIST00000003CDIR00000001/ARGC00000001ARGV00000002ccNFIL00000002"
            b"NAME00000001aFILE00000002xyNAME00000001bLINK00000001a",
            b"\x00DIST00000003CDIR00000001/ARGC00000001ARGV00000000NFIL00000003"
            b"NAME00000001aFILE00000000NAME00000001bFILE00000040"
            + bytes(64)
            + b"NAME00000001cFILE00000041",
        ),
        "reply": (
            b"\x04DONE00000001STAT00000000SERR00000001eSOUT00000001oDOTO00000003xyz",
            b"\x1fDONE00000003STAT00000000SERR00000000SOUT00000000DOTO00000001xDOTD00000001d",
        ),
        "lzo": (
            compress(b"int main(void) { return 0; }\n" * 20),
            _LITERAL + b"\x20" + bytes(40) + b"\x01\x00\x00" + _END,
            _LITERAL + b"\x40\x00" * 9 + b"\x3f\x00\x00" + _END,
        ),
        "command": (_WORDS, b"clang++\n-c\n-Xclang\n-load\n-Xclang\nx.so\na.cc\n--target=x\n-o\n-"),
        "spelled": (
            b"gcc\n-c\n-Wa,-W\n-Xassembler\n-k\n--std=c99\n-O2\n-target\nx\na.c\n-o\nx.o",
            b"clang\n-c\n--pedantic\n-mllvm\n-x86\n-ftemplate-depth=9\n-Wl,-z,now\na.i",
        ),
        "tree": (
            b"/p/a.c\n/usr/include/x.h\n/w>/p\n/w/b>../q/./r",
            b"/usr>/oldroot\n/lib>usr/lib\n/lib/x\n/a>/b\n/b>/a",
        ),
        "response_file": (b"-c 'a b' \"c\\\\d\" @x\n", b'.incbin "/x"\n#include "/y"\n__asm__("")'),
        "hosts": (_HOSTS,),
        "packets": (b"S\n/bin/cc\n-c", b"R00000010x\0022\0/\0001\0cc\0A=b"),
        **agent_targets.SEEDS,
        **client_targets.SEEDS,
        **pump_targets.SEEDS,
        **server_targets.SEEDS,
        **session_targets.SEEDS,
        **tls_targets.SEEDS,
    }
)
TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = MappingProxyType(
    {
        target.__name__: target
        for target in (
            *(request, reply, lzo, command, spelled, tree, response_file, hosts, packets),
            *agent_targets.TARGETS,
            *client_targets.TARGETS,
            *pump_targets.TARGETS,
            *server_targets.TARGETS,
            *session_targets.TARGETS,
            *tls_targets.TARGETS,
        )
    }
)
# These start compilers, or measure time: `run` has them, and no test.
SLOW_TARGETS: Final = MappingProxyType({target.__name__: target for target in pump_targets.SLOW_TARGETS})
SLOW_SEEDS: Final = pump_targets.SLOW_SEEDS
