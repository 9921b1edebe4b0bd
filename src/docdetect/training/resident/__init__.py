"""Training on pages that stay in the memory of the device, where all views of them are made.

The same code runs on a GPU and on a CPU, but for the drawing of views. `pages.py` keeps the pages and `ring.py` made-up
ones, `views.py` and `looks.py` make views of them and `batches.py` batches; `networks.py` builds the networks of a
recipe, `learner.py` is one that learns from batches, `teacher.py`, `features.py` and `slices.py` are what it may have
from a better one; `loop.py` is the training, and `run.py` its run folder with what `checkpoints.py` writes.
"""
