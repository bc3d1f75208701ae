"""The server's options, and the settings that they result in."""
