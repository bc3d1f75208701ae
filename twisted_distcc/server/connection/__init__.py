"""One connection, from its first byte to its last: who it is, its request, and the reply."""
