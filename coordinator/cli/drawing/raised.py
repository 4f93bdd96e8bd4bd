"""An exception of an image with its traceback, and those that led to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from coordinator.cli.drawing.heap import Heap
from devices.errors import ProtocolError
from devices.runtime.python.values.nodes import Tag

_MOST: Final = 10  # exceptions that led to one another
_ENTRIES: Final = 20  # of a traceback: the first and the last ones


class Entry(NamedTuple):
    """A line of a traceback."""

    file: str
    line: int
    function: str


class Raised(NamedTuple):
    """An exception in words; ``why`` tells what it is to the one before: ``cause``, ``context``, empty for the first."""

    value: str
    why: str
    traceback: list[Entry]
    left_out: int  # entries in the middle of the traceback


def is_exception(heap: Heap, slot: Any) -> bool:
    """Tells whether a slot refers to an exception."""
    return isinstance(slot, list) and heap.pen().node(slot)[0] == "exception"


def raised(heap: Heap, slot: Any) -> Iterator[Raised]:
    """Yields an exception, and by turns its cause, or its context where Python would show that.

    Raises:
        ProtocolError: what is said of it cannot be.
    """
    pen, why, seen = heap.pen(), "", set[int]()
    while isinstance(slot, list) and len(seen) < _MOST:
        match slot, pen.node(slot):
            case [int(index)], ["exception", _, _, cause, context, suppressed, traceback, *_] if index not in seen:
                seen.add(index)
            case _:
                return
        entries = _entries(pen.node(traceback)) if isinstance(traceback, list) else []
        shown = entries if len(entries) <= _ENTRIES else [*entries[: _ENTRIES // 2], *entries[-_ENTRIES // 2 :]]
        yield Raised(heap.draw(slot).value, why, shown, len(entries) - len(shown))
        slot, why = (cause, "cause") if cause is not None else (None if suppressed else context, "context")


def _entries(node: list[Any]) -> list[Entry]:
    match node:
        case ["none"]:
            return []
        case [Tag.KNOWN, "traceback", [*entries], *_]:
            return [_entry(entry) for entry in entries]
    raise ProtocolError("an exception of the image has a traceback that is none")


def _entry(fields: Any) -> Entry:
    match fields:
        case [str(file), str(_), str(qualname), int(line)]:
            return Entry(file, line, qualname)
    raise ProtocolError("a traceback of the image is not described as one")
