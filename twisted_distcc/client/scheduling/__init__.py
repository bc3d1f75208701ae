"""Which host gets the next job, and when: slots, the queue, and hosts that are left alone."""
