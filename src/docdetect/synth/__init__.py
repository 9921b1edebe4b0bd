"""Synthetic documents with exact labels."""
