"""The results of a compile: check them, compare if necessary, and put them in place."""
