"""Tests of what finds the files of a compile."""
