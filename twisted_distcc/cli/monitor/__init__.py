"""`twisted-distcc monitor`: watch compiles as they happen, in a terminal, a file or a browser."""

from twisted_distcc.cli.monitor.monitor_command import main

__all__ = ["main"]
