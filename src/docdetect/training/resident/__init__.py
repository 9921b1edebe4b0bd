"""Training on pages that stay in the memory of the device, where all views of them are made.

The same code runs on a GPU and on a CPU. `pages.py` keeps the pages, `draws.py` chooses the next ones, `views.py` and
`looks.py` make batches of them, `learner.py` is a network that learns from batches, `loop.py` is the training, and
`run.py` its run folder.
"""
