"""`twisted-distcc demo`: does a farm give the same objects as this machine alone?

In: nothing, or a project of the user's.  Out: a table of files, where they were compiled, and
times; the exit status is 0 only when every object is the same and some were compiled by the server.

The steps are in `demonstration`.  `library` fetches a C library, `project` builds a tree,
`local_farm` runs the server, `comparison` looks at the objects and `screen` talks.
"""

from twisted_distcc.cli.demo.demonstration import main

__all__ = ["main"]
