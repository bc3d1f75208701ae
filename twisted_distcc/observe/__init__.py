"""Logs and job records, in lines that people and programs read."""
