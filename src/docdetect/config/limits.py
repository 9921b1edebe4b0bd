"""Limits that several rooms share, for configuration files and the Python API alike: their one definition."""

from __future__ import annotations

# Seconds that a process may take for one page of a document.
PAGE_TIME_LIMIT_S = 120.0

# MiB of address space that a process which reads documents may take on top of what it has at its start.
PROCESS_MEMORY_MB = 4096

# The resolutions in px/inch that boxes of PDFs may refer to.
LEAST_DPI, MOST_DPI = 20, 1200

# The long side in px of the picture that a network sees is a multiple of 32, since networks halve it five times.
IMGSZ_STEP, LARGEST_IMGSZ = 32, 8192
