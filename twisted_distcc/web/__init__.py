"""The live page: what goes on, in a browser, as it happens; for servers and for agents."""
