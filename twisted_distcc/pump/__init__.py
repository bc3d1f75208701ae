"""Find the files that a compile may read, without preprocessing its source."""
