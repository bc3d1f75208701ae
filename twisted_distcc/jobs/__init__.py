"""What is asked of a server and what it answers: requests, replies, and the messages that carry them."""
