"""Marks cut out of labelled real pages as transparent pictures, which `synth/pasting.py` pastes onto pages.

`cutting.cut_out` writes a folder of cut-outs. `pages.py` reads the labelled pages, `selection.py` decides which marks
of a page can be cut out and how good they are, `ink.py` tells ink from paper, `separation.py` and `pieces.py` tell the
ink of the mark from everything else, `folder.py` writes and reads the folder, and `sheet.py` makes the page on which
people look the cut-outs through.
"""
