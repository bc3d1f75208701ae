"""The process: its start, its sockets, the user that it becomes, and its end."""
