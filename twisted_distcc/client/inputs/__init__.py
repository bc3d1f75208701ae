"""What a compile reads: the command understood, its files found, and the form in which they are sent."""
