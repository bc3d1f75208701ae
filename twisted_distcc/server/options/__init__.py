"""What an administrator asks of a server, as values."""
