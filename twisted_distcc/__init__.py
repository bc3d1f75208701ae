"""A distcc server, client and protocol framework on Twisted.

The rooms, from the wire up: `wire` (tokens and state machines, no I/O), `messages` (whole requests
and replies), `policy` and `cmdline` (pure decisions), `execution` (compilers), then `server`,
`client` and the `agent` that a user's compiles share.  `framework` has what programs of your own
build on, and `testing` joins a real client to a real server in memory.
"""

__version__ = "0.1.0"
