"""Choose which host gets the next job, and when: slots, the queue, and backing off from failed hosts."""
