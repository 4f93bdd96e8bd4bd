"""How each kind of node is drawn: one entry for each tag that the codec writes (`values.catalogue.KINDS`)."""

from __future__ import annotations

from typing import Any, Final

from coordinator.cli.drawing import arrays, callables, containers, iterators, library, objects, plain
from coordinator.cli.drawing.pen import Draw

DRAWINGS: Final[dict[Any, Draw]] = {
    **containers.DRAWINGS,
    **plain.DRAWINGS,
    **iterators.DRAWINGS,
    **arrays.DRAWINGS,
    **library.DRAWINGS,
    **callables.DRAWINGS,
    **objects.DRAWINGS,
}
