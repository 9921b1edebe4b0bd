"""Training and validation; the only room that imports Ultralytics' trainer and validator."""
