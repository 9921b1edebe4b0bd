"""Training: the only package that imports Ultralytics' trainer."""

from docdetect.models.ultralytics_setup import tame_environment

tame_environment()  # before anything in this room can import Ultralytics, which reads it once, at import
