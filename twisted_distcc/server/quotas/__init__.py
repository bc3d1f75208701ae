"""Limits on how much of a server's resources one client may hold, and for how long."""
