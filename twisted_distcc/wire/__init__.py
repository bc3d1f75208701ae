"""The distcc wire protocol for both ends, free of I/O: bytes in, events out."""
