"""`check`: what in a function's files cannot travel or be stopped at, and what moves badly without a word.

Nothing of the files is run: everything is read from their syntax trees, with Python's rules of scopes, so that
``from time import monotonic as m`` hides nothing. What a tree does not show is left to `exercise`.
"""
