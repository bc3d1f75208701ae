"""The sandbox: limits on what a compiler can see, what it can use, and what it can leave behind."""
