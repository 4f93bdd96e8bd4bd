"""Hubs that lack one rule each: the runner must notice (`test_oracle.py`)."""
