"""Fuzzing: `targets` take any bytes, `run` has atheris search for bytes that break one."""
