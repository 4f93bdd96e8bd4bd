"""A function's own process: the author's API, the worker, its warm parent, and the engine."""
