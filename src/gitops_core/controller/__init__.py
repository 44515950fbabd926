"""Keeps any number of applications reconciled, inside another program, for months."""
