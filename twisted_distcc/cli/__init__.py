"""What people type: each file is one command."""
