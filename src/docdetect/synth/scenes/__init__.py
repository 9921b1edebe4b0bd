"""Scenes: what happens on paper besides the signing and sealing at the places for it.

`office.py` sets office stamps anywhere, `crowds.py` sets stamps and signatures on each other, `beside.py` writes by
hand beside signatures what is no signature. Each scene takes the patches that lie on the page and returns more.
"""
