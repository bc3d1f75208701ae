"""The resident client of one user, its socket, and how tdistcc hands commands over to it."""
