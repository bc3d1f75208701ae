"""Compilers: where one is, what it consists of, its digest, and where it searches for headers."""
