"""Made-up documents with exact labels, for training and for tests without real documents.

`generate.generate` writes a dataset. `page.make_page` makes one page of it: `layouts/` lays the page out,
`placement.py` and `marks.py` put marks and distractors on it, `raster.py` draws it, and `paper/` shows it as a scanner,
a copier, a fax machine or a camera would.
"""
