"""What both directions agree on: the tags of the common nodes, what stands in a slot by itself, shared names."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

SHORT: Final = 64
"""Characters of a str, bytes of a bytes, up to which it stands in its slot; longer ones are nodes, written once."""
LARGEST_INT: Final = 2**63 - 1
SMALLEST_INT: Final = -(2**63)


class Tag(IntEnum):
    """The kinds that occur by the thousand; all others are tagged with a word."""

    LIST = 0
    TUPLE = 1
    DICT = 2
    RECORD = 3
    SHAPE = 4
    SET = 5
    FROZENSET = 6
    OBJECT = 7
    TEXT = 8
    BYTES = 9
    REFERENCE = 10
    KNOWN = 11
    EXTENDED = 12


class Shape:
    """The names that many records share: of dicts with the same str keys, of objects with the same attributes."""

    __slots__ = ("names",)

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
