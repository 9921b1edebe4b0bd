"""Measurements against named alternatives, and tests with damaged documents and with killed processes.

Most modules are programs of their own, run from the project's root: `python -m benchmarks.NAME`. `make bench` runs
those that measure speed and accuracy. Programs that measure print the processor with their figures.
"""
