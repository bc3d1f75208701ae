"""What became of each unit, and where its time went: measured, kept in a journal, and read again."""
