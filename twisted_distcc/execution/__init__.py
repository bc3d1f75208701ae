"""Run compilers on this machine: in a sandbox, or unconfined in a folder of their own."""
