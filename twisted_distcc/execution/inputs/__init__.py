"""The files that come with a job: checked, laid out, shown to a compiler, and removed."""
