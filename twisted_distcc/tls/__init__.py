"""Mutual TLS: certificates, what is wrong with them, and connections between trusted ends."""
