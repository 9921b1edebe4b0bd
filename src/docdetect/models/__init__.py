"""Which weights, which engine, and image batch -> detections."""
