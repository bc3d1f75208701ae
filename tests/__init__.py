"""Tests of twisted_distcc, one folder for each room; `live` starts real servers and clients."""

import signal

from hypothesis import HealthCheck, settings

# A shell that starts trial in the background has it ignore interrupts, and all that it starts as well.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says how busy the machine is.
settings.register_profile(
    "patient", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")
