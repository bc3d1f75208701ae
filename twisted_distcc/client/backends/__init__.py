"""How a host is asked: its capabilities, the request, the connection, and what can go wrong."""
