"""Active learning: which pages to label next, and which weights take the place of others."""
