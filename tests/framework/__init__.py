"""The public API, its pages, and the programs on them."""
