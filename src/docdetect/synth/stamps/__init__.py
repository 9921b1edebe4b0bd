"""Stamps: the rubber that is cut (`round.py`, `straight.py`), what it says (`text.py`), and how it prints.

`impression.make_stamp` draws a stamp from all of these; `canvas.py` is the surface that the rubber is cut on.
"""
