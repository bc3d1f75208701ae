"""The input files of a job: check them, write them to disk for a compiler, and remove them."""
