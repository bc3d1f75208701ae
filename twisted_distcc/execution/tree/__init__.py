"""The files that come with a job: found their places, written, shown to a compiler, and removed."""
