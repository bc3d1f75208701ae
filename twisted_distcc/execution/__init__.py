"""Compilers on this machine: finding them, workspaces, running them within bounds."""
