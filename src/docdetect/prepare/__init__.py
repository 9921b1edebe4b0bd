"""From documents and annotations to a checked, split and drawn YOLO dataset."""
