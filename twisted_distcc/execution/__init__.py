"""Running compilers on this machine: in a sandbox, or in a folder of their own."""
