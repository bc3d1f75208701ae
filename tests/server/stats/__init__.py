"""Tests of what a server shows of itself."""
