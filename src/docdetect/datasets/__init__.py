"""From documents and annotations to a checked YOLO dataset: convert, labels, split, visualize, prepare."""
