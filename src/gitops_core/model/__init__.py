"""Frozen values, no I/O: everything that travels between the stages of a pass."""
