"""Removers: one protocol, one catalogue, one way to run them."""
