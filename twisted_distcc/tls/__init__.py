"""Mutual TLS: certificates, an authority for them, and connections between trusted ends."""
