"""Ceilings on everything whose size a peer chooses.

`Limits` has one named number for each thing that the grammar lets a peer count or measure.  A value
above its ceiling raises `RemoteProtocolError` before a byte of it is stored.
"""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True)
class Limits:
    """Ceilings, in bytes or in items; no honest peer reaches the defaults.

    Attributes:
        arguments: words of a command; builds that need more use a response file.
        argument: bytes of one word; Linux refuses to execute longer ones (MAX_ARG_STRLEN).
        command: bytes of all words together; Linux's own limit is of this order (ARG_MAX).
        source: bytes of preprocessed source as sent, or of all files in its place, or of all blobs of
            one upload.  The largest amalgamations reach 100 MiB.
        object_file: bytes of an object file as sent, or of all outputs of one job; debug information
            makes them large.
        messages: bytes of the compiler's standard output or standard error, as sent and as expanded;
            whoever shows them holds them in memory.  Our server keeps half of this (`execution.words`).
        files: files of one job with remote preprocessing, or blobs of one upload; large C++ units read
            a few thousand.
        name: bytes of a file name or a link's target (PATH_MAX).
        names: bytes of all file names together, and of all links' targets; they are kept in memory.
        outputs: files that one compile may leave; gcc leaves a handful, and `-save-temps` a few more.
        mode: permissions of an output.  No compiler makes a program that runs as its owner (setuid),
            so no server may make the client do that.
        flag: a wish that is there or not.
        digest: bytes of a SHA-256.
        frame: bytes of a frame's payload.  A frame is delivered whole, and held until it is.
        window: bytes of one stream that an end takes before it grants more; 16 MiB keep a line of
            1 Gbit/s and 130 ms busy.
        streams: streams that a client may have open at once.
        memory: bytes that name a server's memory of content, as many as make it unique.
        words: bytes of a text for people: a program's name, or why a session or a stream ends.
        pings: questions whose answers wait to be sent; an honest peer sends one in 20 seconds.
        trailing: bytes kept from after the end of a message; a peer that waits its turn sends none.
        expanded: bytes that a compressed source or object may expand to.
    """

    arguments: int = 10_000
    argument: int = 128 * KIB
    command: int = 2 * MIB
    source: int = 512 * MIB
    object_file: int = 1 * GIB
    messages: int = 32 * MIB
    files: int = 100_000
    name: int = 4 * KIB
    names: int = 16 * MIB
    outputs: int = 1000
    mode: int = 0o777
    flag: int = 1
    digest: int = 32
    frame: int = 1 * MIB
    window: int = 16 * MIB
    streams: int = 64 * KIB
    memory: int = 16
    words: int = 1 * KIB
    pings: int = 16
    trailing: int = 64 * KIB
    expanded: int = 1 * GIB
