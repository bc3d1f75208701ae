"""The include server's answers, piece by piece."""
