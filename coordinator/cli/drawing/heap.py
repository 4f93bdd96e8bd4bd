"""The object graph of an image, of which any value can be drawn."""

from __future__ import annotations

from typing import Any, Final

from coordinator.cli.drawing.pen import Drawn, Pen, Where
from coordinator.cli.drawing.table import DRAWINGS
from devices.errors import ProtocolError, printable

_LONGEST: Final = 600  # characters; the pen's own limits keep nearly all drawings below


class Heap:
    """The nodes of an image.

    Args:
        nodes: ``image["heap"]``, decoded and otherwise unchecked.
        where: finds the lines at which generators stand.

    Raises:
        ProtocolError: no list of nodes.
    """

    def __init__(self, nodes: Any, where: Where = lambda *_: "") -> None:
        if not isinstance(nodes, list):
            raise ProtocolError("an image without a heap")
        self._nodes = nodes
        self._where = where

    def draw(self, slot: Any) -> Drawn:
        """Returns a slot's value in words, in one line without control characters.

        Raises:
            ProtocolError: it, or something in it, leads nowhere.
        """
        drawn = self.pen().drawn(slot)
        value = drawn.value.replace("\n", "\\n")
        cut = f"... {len(value) - _LONGEST} more characters" if len(value) > _LONGEST else ""
        return Drawn(printable(drawn.type), printable(value[:_LONGEST], _LONGEST) + cut)

    def pen(self) -> Pen:
        """Returns what draws one value."""
        return Pen(self._nodes, DRAWINGS, self._where)
