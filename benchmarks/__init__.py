"""Measures this project against Debian's distcc, both sides in one run on one machine.

Nothing here is imported by the product.  `projects` serves the tests of real builds as well.
"""
