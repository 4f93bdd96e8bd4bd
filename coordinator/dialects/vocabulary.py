"""How dialects write their vocabularies: unit and kind first, then all names that have them."""

from __future__ import annotations

from collections.abc import Mapping

from coordinator.dialects.interpretation import Kind

Quantity = tuple[str | None, Kind]
"""A unit, if there is one, and a kind."""


def vocabulary(entries: Mapping[Quantity, str]) -> dict[str, Quantity]:
    """Returns unit and kind by name.

    Args:
        entries: by unit and kind the names, with blanks between them.
    """
    return {name: quantity for quantity, listed in entries.items() for name in listed.split()}


def names(listed: str) -> frozenset[str]:
    """Returns the names that are listed with blanks between them."""
    return frozenset(listed.split())


def spellings(entries: Mapping[str, str]) -> dict[str, str]:
    """Returns what is meant by each spelling.

    Args:
        entries: by what is meant its spellings, with blanks between them.
    """
    return {spelling: meant for meant, listed in entries.items() for spelling in listed.split()}
