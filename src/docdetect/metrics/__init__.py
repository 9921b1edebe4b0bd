"""Ground truth and detections on arrays -> figures with intervals; pure, no files and no models."""
