"""The resident client of one user: its socket, and what tdistcc hands over."""
