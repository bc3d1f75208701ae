"""Decide who is next: for a seat, and for a share of the reactor's time."""
