"""Comparing methods: ready cases, methods side by side, blind pairs, and what people's answers say of each method."""
