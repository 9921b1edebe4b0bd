"""Handwriting: signatures, initials, and handwritten notes that are no signature."""
