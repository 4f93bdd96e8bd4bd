"""The hub agent: it holds the sessions of the functions that run here, and makes their checkpoints durable."""
