"""Bulk data: bodies in memory or on disk, the contents of files, and their compression."""
