"""Whole requests and replies: bodies in memory or on disk, compressed and expanded within bounds."""
