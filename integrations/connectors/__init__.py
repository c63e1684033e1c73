"""Clients of the vendors: plain Python, no Django."""
