"""YOLO datasets: the reader that every command uses, splits, folds, and groups of near-duplicates."""
