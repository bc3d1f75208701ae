"""Ask the hosts of a user's list what they are and what they can do, for people to read.

`farm_view` says what is asked from where, `own_compilers` what this machine has, `host_probe` asks one
host, and `host_reports` holds what came of it.  Nothing here decides what is wrong: `cli.doctor` does.
"""
