"""Tests of the token protocol."""
