"""Tests of the room that understands command lines."""
