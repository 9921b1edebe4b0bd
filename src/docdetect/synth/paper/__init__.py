"""Paper and copying: how a printed page is damaged, lies under a scanner or before a camera, and is copied.

`copying.py` decides what happens to a page, `geometry.py` says where the sheet of paper lies in the picture, and
`damage.py` changes the pixels.
"""
