"""Who may do what: pure functions that answer Allowed or Refused with reasons."""
