"""Iterators and views: over what, and how far they are."""

from __future__ import annotations

from typing import Any, Final

from coordinator.cli.drawing.pen import Draw, Drawn, Pen

_BROKEN: Final = -1


def _iterator(pen: Pen, fields: list[Any]) -> Drawn:
    over, sequence, position = fields
    kind = f"{over}_iterator"
    if sequence is None:
        return Drawn(kind, f"<{kind} at its end>")
    return Drawn(kind, f"<{kind} at {pen.value(position)} of {pen.value(sequence)}>")


def _view(pen: Pen, fields: list[Any]) -> Drawn:
    of, mapping = fields
    return Drawn(f"dict_{of}", f"<dict_{of} of {pen.value(mapping)}>")


def _dict_iterator(pen: Pen, fields: list[Any]) -> Drawn:
    over, mapping, left = fields
    kind = f"dict_{over}_iterator"
    if mapping is None:
        return Drawn(kind, f"<{kind} {'whose dict has changed its size' if left == _BROKEN else 'at its end'}>")
    return Drawn(kind, f"<{kind}, {pen.value(left)} left of {pen.value(mapping)}>")


def _made(pen: Pen, fields: list[Any]) -> Drawn:
    kind, state, *arguments = fields
    stands = "" if state is None else f", standing at {pen.value(state)}"
    return Drawn(kind, f"{kind}({pen.items(arguments)}{stands})")


DRAWINGS: Final[dict[Any, Draw]] = {
    "iterator": _iterator,
    "view": _view,
    "dict-iterator": _dict_iterator,
    "made": _made,
}
