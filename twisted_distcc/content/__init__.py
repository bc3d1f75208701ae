"""Bytes: bodies in memory or on disk, their digests, and the codecs that they travel under."""
