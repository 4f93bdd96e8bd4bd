"""Stopping a function everywhere and comparing: the processes, what goes between them, and what is compared."""
