"""Hubs that lack one rule each: the runner must notice (`test_fault_schedules.py`)."""
