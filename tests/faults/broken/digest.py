"""A hub that takes every delivery for a new one (against rule 11)."""

from __future__ import annotations

from devices.hub.repeats import Repeats


def patch() -> None:
    """Has no delivery known as a repeat."""
    Repeats.number_of = lambda *_: None
