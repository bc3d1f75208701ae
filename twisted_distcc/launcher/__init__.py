"""A small program that starts others on behalf of its owner, free of Twisted."""
