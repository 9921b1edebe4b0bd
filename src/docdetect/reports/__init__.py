"""Figures -> one self-contained HTML page with plots and pictures; knows nothing of where the figures come from."""
