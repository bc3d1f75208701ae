"""Getting a compile done elsewhere: what it reads, who is asked, and what becomes of the answer."""
