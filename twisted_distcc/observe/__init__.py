"""What happened, in lines that people and programs read."""
