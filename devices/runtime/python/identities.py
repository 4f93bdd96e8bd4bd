"""The numbers that the program's ``id`` gives: an object keeps its own when it travels.

Programs tell by them what they have seen already: ``memo[id(x)]`` in `copy.deepcopy`, the references of `plistlib`. At
the destination the object has another address, and its old one may be that of something else. So the image of a program
that mentions ``id`` has the number of each object in it; there, ``id`` is a function that gives an object that number,
and everything else its address, unless that is the number of another.

What import makes is made anew, and has a new number, as what import has noted of it has. Short texts and numbers have no
identity that could be kept.

Tried and left: to note what ``id`` is asked of, for smaller images. A note that holds the object keeps it alive; one that
does not says nothing of what has taken its place.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Final

from devices.errors import ProtocolError
from devices.runtime.python.values.contract import Node
from devices.runtime.python.values.nodes import Tag

NAME: Final = "id"
_address: Final = id
_ANEW: Final = frozenset(
    {Tag.SHAPE, Tag.REFERENCE, "named", "module", "single", "constant", "logger", "member", "anew"}
)
_KNOWN_ANEW: Final = frozenset({"named", "class", "module"})
_NONE: Final = 0


class Identities:
    """What ``id`` gives in one program."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}  # by address
        self._given: set[int] = set()
        self._unused = itertools.count(1, 2)  # addresses are even

        def own_id(obj: object, /) -> int:
            """Return the identity of an object."""
            return self._of(obj)

        own_id.__name__ = own_id.__qualname__ = NAME
        self.function = own_id

    def of_nodes(self, objects: Sequence[Any], nodes: Sequence[Node]) -> list[int]:
        """Returns the number of each object of an image that is not made anew; 0 for those that are."""
        return [_NONE if _is_made_anew(node) else self._of(each) for each, node in zip(objects, nodes, strict=True)]

    def keep(self, objects: Sequence[Any], numbers: Any) -> None:
        """Lets each of the objects keep its number.

        Raises:
            ProtocolError: no numbers, or not as many.
        """
        if (
            type(numbers) is not list
            or len(objects) != len(numbers)
            or any(type(number) is not int for number in numbers)
        ):
            raise ProtocolError("the image's numbers of objects are not as many as these")
        self._numbers = {
            _address(each): number for each, number in zip(objects, numbers, strict=True) if number != _NONE
        }
        self._given = set(self._numbers.values())

    def _of(self, value: object) -> int:
        address = _address(value)
        number = self._numbers.get(address)
        if number is None:
            number = address
            if number in self._given:
                number = next(each for each in self._unused if each not in self._given)
                self._numbers[address] = number
                self._given.add(number)
        return number


def _is_made_anew(node: Node) -> bool:
    return node[0] in _ANEW or (node[0] == Tag.KNOWN and node[1] in _KNOWN_ANEW)
