"""What distcc's monitors read: one file for each job in flight, in C distcc's own format.

A file `state/binstate_PROCESS` in the configuration directory is a structure of C: its own size, a magic
number, the process, the source's name, the host, the slot, and what is being done.  `distccmon-text` and
`distccmon-gnome` show it as long as the process lives::

    state = State(process=os.getpid(), file="a.c", host="red", slot=0, phase=COMPILE)
    assert State.parse(state.packed()) == state
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import Final

from twisted_distcc.client.journal.unit_record import (
    COMPILER,
    DELIVERY,
    HOST,
    INPUTS,
    LOCAL_SLOT,
    QUEUE,
    START,
    TRANSFER,
)

PHASES: Final = ("Startup", "Blocked", "Connect", "Preprocess", "Send", "Compile", "Receive")
"""What distccmon-text calls the phases; a job that is done has none of these."""
STARTUP: Final = 0
BLOCKED: Final = 1
PREPROCESS: Final = 3
COMPILE: Final = 5
RECEIVE: Final = 6
# Of the way to a server and back, the compiler is most.
PHASE_OF: Final = {
    START: STARTUP,
    INPUTS: PREPROCESS,
    LOCAL_SLOT: BLOCKED,
    HOST: BLOCKED,
    TRANSFER: COMPILE,
    QUEUE: COMPILE,
    COMPILER: COMPILE,
    DELIVERY: RECEIVE,
}

# As the compiler of C lays it out here: with its own sizes, and its own alignment.
_STATE: Final = struct.Struct("@NIL128s128siiP")
_MAGIC: Final = 0x44494800
LENGTH: Final = _STATE.size
_TEXT: Final = 127
_PREFIX: Final = "binstate_"


@dataclass(frozen=True, slots=True)
class State:
    """A job in flight.

    Attributes:
        process: its tdistcc or distcc.
        file: the source's name, without folders.
        host: the name of its host; empty while it has none.
        slot: which of that host's slots it has.
        phase: an index into `PHASES`.
    """

    process: int
    file: str
    host: str
    slot: int
    phase: int

    def packed(self) -> bytes:
        """Return the content of its file."""
        file, host = _packed(self.file.rpartition("/")[2]), _packed(self.host)
        return _STATE.pack(LENGTH, _MAGIC, self.process, file, host, self.slot, self.phase, 0)

    @classmethod
    def parse(cls, data: bytes) -> State | None:
        """Return the state that a file holds; `None` if it holds none, or the job is done."""
        if len(data) != LENGTH:
            return None
        size, magic, process, file, host, slot, phase, _ = _STATE.unpack(data)
        if size != LENGTH or magic != _MAGIC or not 0 <= phase < len(PHASES):
            return None
        return cls(process, _unpacked(file), _unpacked(host), slot, phase)

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"{_PREFIX}{self.process}"


def process_of(name: str) -> int | None:
    """Return which process's job a file of this name is about; `None` if it is none of these files."""
    number = name.removeprefix(_PREFIX)
    is_one = name != number and number.isascii() and number.isdecimal() and len(number) < 10
    return int(number) if is_one else None


def _packed(text: str) -> bytes:
    """Return `text` without what a terminal obeys: distcc's monitors show every byte."""
    plain = "".join(character if character.isprintable() else "?" for character in text)
    data = plain.encode(errors="replace")
    return data[:_TEXT].decode(errors="ignore").encode()


def _unpacked(data: bytes) -> str:
    return os.fsdecode(data.partition(b"\0")[0])
