"""Measurements against named alternatives, and trials by damage and by kills.

Each module is a program of its own, run from the project's root: `python -m benchmarks.NAME`. `make bench` runs those
that measure. Every figure stands beside the processor that it was measured on.
"""
