"""`twisted-distcc demo`: does a farm produce the same objects as this machine alone?

It builds a C library, or a project of the user's, both ways, and prints a table of files, where they
were compiled, and times.  The exit status is 0 only if every object is the same and the server compiled
some.

The steps are in `demonstration`.  `library` fetches a C library, `project` builds a tree,
`local_farm` runs the server, `comparison` compares the objects, and `screen` prints.
"""

from twisted_distcc.cli.demo.demonstration import main

__all__ = ["main"]
