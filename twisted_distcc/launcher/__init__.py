"""A small program that starts others, and what it has in common with its owner.  Knows no Twisted."""
