"""Isolated processes with limits of time and memory, one for single calls or many for a batch of work."""
