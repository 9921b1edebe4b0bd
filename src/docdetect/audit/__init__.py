"""Audit of a labelled dataset: suspicious labels, and leaks between its splits."""
