"""Distractors (hard negatives): printed pictures and codes that resemble marks and are none.

`stamps.py`, `signatures.py` and `codes.py` draw what resembles stamps, signatures and QR codes; `form_signs.py` draws
the printed signs of forms. What people write by hand and is no signature is drawn by `handwriting/notes.py`.
"""
