"""Calls to hosts: their capabilities, requests, connections, and what can go wrong."""
