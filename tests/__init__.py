"""Tests of twisted_distcc."""
