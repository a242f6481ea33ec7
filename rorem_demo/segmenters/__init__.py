"""Segmenters: point at an object, get its mask; one protocol, one catalogue, one way to run them."""
