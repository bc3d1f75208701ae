"""`twisted-distcc verify PROJECT`: does the farm produce exactly what this machine produces?

It repeats each compile of a project, which its build system lists or a build shows, here and through the
farm.  It reports how many units came back the same, byte for byte; which did not, and what differs; and
which were not compiled by a server, and why.

The steps are in `verification`.  `databases` and `recording` find the commands, `units` picks those to
repeat, `twice` runs each here and there, `aside` protects the user's files, `differences` and `sections`
compare, `summary` formats the findings.
"""

from twisted_distcc.cli.verify.verification import main

__all__ = ["main"]
