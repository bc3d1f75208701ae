"""The agent's work without an agent, in the process of one tdistcc (`DISTCC_AGENT=0`).

In: an invocation.  Out: its outcome, once the reactor has stopped.  Slots are shared with everybody
else all the same: they are files.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from twisted_distcc.client.dispatch import Dispatcher
from twisted_distcc.client.invocation import Invocation, Outcome
from twisted_distcc.client.report import Reminders, make_report
from twisted_distcc.processes import ReactorSpawner


def run_alone(invocation: Invocation, write: Callable[[bytes], None]) -> Outcome | None:
    """See to `invocation`; `write` takes messages.  `None` says that it was interrupted."""
    from twisted.internet import reactor

    outcomes: list[Outcome] = []
    dispatcher = Dispatcher.on(reactor, ReactorSpawner(reactor))
    job: Deferred[None]
    interrupted = False

    def failed(failure: Failure) -> None:
        if not interrupted:
            write(failure.getTraceback().encode(errors="replace"))
            outcomes.append(Dispatcher.in_place(invocation, "tdistcc failed"))

    def start() -> None:
        nonlocal job
        report = make_report(invocation.wishes, write, Reminders(reactor.seconds), os.getpgrp())
        running = Deferred.fromCoroutine(dispatcher.run(invocation, report))
        job = running.addCallbacks(outcomes.append, failed)
        job.addBoth(lambda _: reactor.stop() if reactor.running else None)

    def interrupt() -> Deferred[None]:
        nonlocal interrupted
        interrupted = True
        job.cancel()
        return job

    reactor.callWhenRunning(start)
    reactor.addSystemEventTrigger("before", "shutdown", interrupt)
    reactor.run()
    return outcomes[0] if outcomes else None
