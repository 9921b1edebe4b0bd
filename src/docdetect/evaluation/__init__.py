"""Evaluation: val, crossval, compare, calibrate, reproduce, and their reports."""
