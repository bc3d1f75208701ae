"""Walls around a compiler: what it can see, what it can use, and what it can leave behind."""
