"""`twisted-distcc verify PROJECT`: is what the farm makes of a build what this machine makes of it?

In: a project whose compiles are known, or a command that builds it.  Out: how many units came back the
same, byte for byte; which did not, and in what; and which were not compiled by a server, and why.

The steps are in `verification`.  `databases` and `recording` find the commands, `units` picks those to
repeat, `twice` runs each here and there, `aside` keeps the user's files, `differences` and `sections`
compare, `summary` talks.
"""

from twisted_distcc.cli.verify.verification import main

__all__ = ["main"]
