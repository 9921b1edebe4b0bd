"""Measurements, each a script of its own; see `make bench`."""
