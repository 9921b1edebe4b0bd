"""Synthetic documents: ink, stamps, codes, page layout, paper damage, generation."""
