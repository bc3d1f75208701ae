"""distcc's token protocol, both ends, without I/O: bytes in, events out."""
