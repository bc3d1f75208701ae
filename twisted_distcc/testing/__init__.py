"""Tools for your own tests: a real client joined to a real server, in memory.

Given a compile function and a clock, they produce replies, or the faults that a test asks for, without
sockets, threads, processes or waiting, so that `SynchronousTestCase` is enough.
"""

from twisted_distcc.testing.memory_farm import Answer, Job, MemoryFarm, ScriptedCompile, in_place_bulk
from twisted_distcc.testing.memory_tls import MemoryTls
from twisted_distcc.testing.network import (
    CLIENT_ADDRESS,
    SERVER_ADDRESS,
    Fault,
    Garbage,
    HangUp,
    MemoryEndpoint,
    Slow,
    Stall,
)
from twisted_distcc.testing.programs import FakeProcess, FakeSpawner

__all__ = [
    "CLIENT_ADDRESS",
    "SERVER_ADDRESS",
    "Answer",
    "FakeProcess",
    "FakeSpawner",
    "Fault",
    "Garbage",
    "HangUp",
    "Job",
    "MemoryEndpoint",
    "MemoryFarm",
    "MemoryTls",
    "ScriptedCompile",
    "Slow",
    "Stall",
    "in_place_bulk",
]
