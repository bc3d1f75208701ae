"""What came back: checked, compared where that is due, and put where the compiler would have put it."""
