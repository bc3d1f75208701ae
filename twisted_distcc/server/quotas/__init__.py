"""How much one client may hold of what a server has."""
