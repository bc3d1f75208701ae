"""A whole server for one connection: the streams that ssh, inetd or xinetd gave us.

This is to `twistd-stdio` what `service` is to `twistd distccd`.  It serves one job without Twisted,
which would take longer to load than everything else here; a session is handed over to `stdio_session`.
"""

from __future__ import annotations

from twisted_distcc.execution.workspace import Workspaces
from twisted_distcc.observe.lines import Log
from twisted_distcc.observe.recorders import Recorders
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.verdict import Verdict
from twisted_distcc.server.connection.blocking import Held, HeldPacking
from twisted_distcc.server.connection.conversation import Conversation
from twisted_distcc.server.connection.stdio import Visit
from twisted_distcc.server.connection.streams import GoneError, Streams
from twisted_distcc.server.job.policy_state import PolicyInForce
from twisted_distcc.server.job.wiring import make_compile, make_executor
from twisted_distcc.server.options.config import ServerConfig
from twisted_distcc.server.quotas.holdings import Hold, Holdings
from twisted_distcc.wire.limits import Limits
from twisted_distcc.wire.session_grammar import SESSION_OPENING


def serve_stdio(
    config: ServerConfig, streams: Streams, peer: Peer, verdict: Verdict, recorders: Recorders, log: Log
) -> None:
    """Serve the one connection on `streams`, to its end.

    Args:
        config: what to serve.
        streams: the connection.
        peer: who it is.
        verdict: whether it may send a request at all.
        recorders: are told of the job.
        log: is told of what goes wrong.

    Raises:
        ToldToEndError: if that, and not the client, was the end.
        OSError: if there is no room for a job's folder.
    """
    workspaces = Workspaces()
    try:
        held = Held(streams)
        executor = make_executor(config, workspaces, log, careful=False)
        policy = PolicyInForce(config.policy)
        compile = make_compile(config, executor, policy, recorders, held, held, held)
        conversation = Conversation(
            peer,
            Hold(Holdings(config.ceilings), peer.identity),
            compile=compile,
            packing=HeldPacking(streams, workspaces.spool),
            limits=Limits(),
            log=log,
            cancelled=GoneError,
        )
        visit = Visit(streams, peer, conversation, config.deadlines, log)
        begun = visit.begin()
        if begun.startswith(SESSION_OPENING):
            from twisted_distcc.server.daemon.stdio_session import serve_session

            serve_session(config, begun, workspaces, peer, verdict, recorders, log)
        else:
            visit.serve(verdict)
    finally:
        workspaces.close()
