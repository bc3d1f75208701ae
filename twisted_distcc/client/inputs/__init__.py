"""The inputs of a compile: parse the command, find its files, and prepare them for sending."""
