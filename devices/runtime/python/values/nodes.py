"""What both directions agree on: the tags of the common nodes, what stands in a slot by itself, shared names."""

from __future__ import annotations

from typing import Final

SHORT: Final = 64
"""Characters of a str, bytes of a bytes, up to which it stands in its slot; longer ones are nodes, written once."""
LARGEST_INT: Final = 2**63 - 1
SMALLEST_INT: Final = -(2**63)


class Tag:
    """The kinds that occur by the thousand; all others are tagged with a word. No enum: looking one up costs more."""

    LIST: Final = 0
    TUPLE: Final = 1
    DICT: Final = 2
    RECORD: Final = 3
    SHAPE: Final = 4
    SET: Final = 5
    FROZENSET: Final = 6
    OBJECT: Final = 7
    TEXT: Final = 8
    BYTES: Final = 9
    REFERENCE: Final = 10
    KNOWN: Final = 11
    EXTENDED: Final = 12


class Shape:
    """The names that many records share: of dicts with the same str keys, of objects with the same attributes."""

    __slots__ = ("names",)

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
