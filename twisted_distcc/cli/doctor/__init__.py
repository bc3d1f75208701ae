"""`twisted-distcc doctor`: what is wrong with a farm, and the command that mends it.

Checks are small functions that yield `Finding`s, one module per kind: `setting_checks`, `path_checks`,
`machine_checks`, `agent_checks`, `credential_checks` and `host_checks`.  `examination` runs them all,
the slow ones at the same time.  With `--policy` the doctor explains a server's rules instead
(`policy_answers`).
"""

from twisted_distcc.cli.doctor.examination import main

__all__ = ["main"]
