"""Stamps: their shapes, texts, and how they print."""
