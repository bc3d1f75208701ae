"""Access rules: pure functions that return Allowed, or Refused with reasons."""
