"""Engines: one file for each library that runs a network, and the selection between them."""
