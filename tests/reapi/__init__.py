"""Tests of `twisted_distcc.reapi`."""
