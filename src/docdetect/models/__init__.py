"""Networks: which weights, which engine runs them, and pages of pixels to detections.

Importing this package imports neither PyTorch nor Ultralytics.
"""

from docdetect.models.ultralytics_setup import tame_environment

tame_environment()  # Ultralytics reads its environment once, at import, so it is set before any module can import it
