"""Plots, and self-contained HTML pages with tables, plots and pictures, from figures of any origin."""
