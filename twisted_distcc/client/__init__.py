"""Getting jobs served: hosts, choice, transports, the story of one compile, fallback."""
