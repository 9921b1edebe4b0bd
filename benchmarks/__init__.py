"""Measurements against named alternatives, and tests with damaged documents and with killed processes.

Most modules are programs of their own, run from the project's root: `python -m benchmarks.NAME`. `make bench` runs
most of those that measure. Programs that measure print the processor with their figures.
"""
