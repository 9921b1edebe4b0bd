"""What one page may cost, in every command that reads documents: the one definition of these defaults."""

from __future__ import annotations

# Seconds that a process may take for one page of a document.
PAGE_TIME_LIMIT_S = 120.0

# MiB of address space that a process which reads documents may take on top of what it has at its start.
PROCESS_MEMORY_MB = 4096
