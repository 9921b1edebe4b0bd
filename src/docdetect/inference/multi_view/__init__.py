"""Several views of one page (turned, tiled) and the fusion of their detections."""
