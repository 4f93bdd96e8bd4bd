"""Moves: states, steps, commands and what is done when a step fails."""
