"""TLS: who is at the other end, and the small authority that says so."""
