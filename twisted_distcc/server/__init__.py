"""Serving jobs: the process, its connections, and each job."""
