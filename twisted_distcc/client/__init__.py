"""Distribute a compile: find what it reads, choose a host, and put the outputs in place."""
