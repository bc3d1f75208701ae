"""What a server shows of itself: distccd's own page, metrics, and a live page."""
