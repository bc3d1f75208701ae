"""Do the agent's work in the process of one tdistcc, without an agent (`DISTCC_AGENT=0`).

`run_alone` takes an invocation, and returns its outcome once the reactor has stopped.  Slots are still
shared with everybody else, since they are files.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from twisted_distcc.agent.lock_folder import spare_lock_directory
from twisted_distcc.client.dispatch import Dispatcher
from twisted_distcc.client.invocation import Invocation, Outcome
from twisted_distcc.client.journal.journal_writer import JournalWriter
from twisted_distcc.client.journal.process_age import age_of
from twisted_distcc.client.journal.state_writer import StateWriter
from twisted_distcc.client.journal.unit_watch import UnitWatch
from twisted_distcc.client.recorded_dispatch import Recorded
from twisted_distcc.client.report import Reminders, make_report
from twisted_distcc.runtime.processes import ReactorSpawner
from twisted_distcc.runtime.threads import ReactorThreads

# Twisted installs handlers for these even if they were ignored, and does not restore them.
_TAKEN_BY_TWISTED: Final = (signal.SIGTERM, signal.SIGCHLD)


def run_alone(
    invocation: Invocation, write: Callable[[bytes], None], reason: str = ""
) -> Outcome | None:
    """Carry out `invocation`, and return its outcome; `None` if it was interrupted.

    Args:
        invocation: the command to carry out.
        write: called with messages.
        reason: why no agent does it, for users who want to know.
    """
    from twisted.internet import reactor

    outcomes: list[Outcome] = []
    dispatcher = Dispatcher.on(reactor, ReactorSpawner(reactor), spare_lock_directory)
    threads = ReactorThreads(reactor)
    journal, monitors = JournalWriter(reactor, threads), StateWriter(reactor, threads)
    recorded = Recorded(dispatcher, journal, monitors, outlives=False)
    job: Deferred[None]
    interrupted = False

    def failed(failure: Failure) -> None:
        if not interrupted:
            write(failure.getTraceback().encode(errors="replace"))
            outcomes.append(Dispatcher.in_place(invocation, "tdistcc failed"))

    def start() -> None:
        nonlocal job
        own = os.getpid()
        watch = UnitWatch(build=os.getpgrp(), process=own, age=age_of(own))
        report = make_report(invocation.wishes, write, Reminders(reactor.seconds), watch)
        if reason:
            report.say(f"working without an agent: {reason}")
        running = Deferred.fromCoroutine(recorded.run(invocation, report))
        job = running.addCallbacks(outcomes.append, failed)
        job.addBoth(lambda _: reactor.stop() if reactor.running else None)

    def interrupt() -> Deferred[None]:
        nonlocal interrupted
        interrupted = True
        job.cancel()
        return job

    ignored = [number for number in _TAKEN_BY_TWISTED if signal.getsignal(number) == signal.SIG_IGN]
    reactor.callWhenRunning(start)
    reactor.addSystemEventTrigger("before", "shutdown", interrupt)
    reactor.run()
    journal.flush()
    monitors.close()
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)
    return outcomes[0] if outcomes else None
