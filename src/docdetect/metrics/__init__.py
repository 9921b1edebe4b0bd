"""Figures with intervals from arrays of ground truth and detections; pure, without files and networks."""
