"""LZO1X bodies, bounded before they are expanded."""
