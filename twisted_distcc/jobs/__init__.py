"""Requests to a server and its replies, and how they are read from and written to the wire."""
