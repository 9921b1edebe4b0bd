"""Handwriting: signatures, initials and notes, drawn as movements of a pen or taken from recorded words.

`kinematics.py` moves the pen, `letterforms.py` says which way it takes, `writing.py` writes words in one person's
hand, and `pen.py` turns the movement into ink. `signatures.py` draws marks; `notes.py` draws distractors by hand.
"""
