"""Other Pythons and other processors: the corpus is started here and goes on there, and the other way round.

``python -m tests.pythons --help`` tells how.
"""
