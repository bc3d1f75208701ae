"""What C distcc's client is told of the files of a compile, in its pump mode."""
