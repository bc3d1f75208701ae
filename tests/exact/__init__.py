"""Compiles of every kind, each done plainly, through the agent and without it, and compared whole."""
