"""Serving jobs: protocol, admission, the story of one job, endpoints, standard streams."""
