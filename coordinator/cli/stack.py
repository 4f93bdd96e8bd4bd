"""The image of a stopped function in words: its frames with their variables, and the state around them that travels.

The roots of an image stand in one row: each frame's variables, cells and the object that its constructor makes; the effect
that the innermost one waits in; parts of the process; globals. The order is that of `devices/protocol/image.cddl`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from coordinator.cli.documents import (
    InspectedException,
    InspectedFrame,
    InspectedGlobal,
    InspectedPlace,
    InspectedVariable,
)
from coordinator.cli.drawing import Heap
from coordinator.cli.drawing.callables import content_of_cell
from coordinator.cli.drawing.places import Places
from coordinator.cli.drawing.raised import is_exception, raised
from devices.errors import ProtocolError, printable
from devices.protocol.checkpoint import Header
from devices.runtime.python import form
from devices.runtime.python.values.nodes import Tag
from devices.runtime.python.values.wire import from_cbor
from devices.runtime.source import Source

_HIDDEN: Final = "."
"""Begins the names that the engine gives to a loop's iterator and to values in the middle of a statement."""
_ITERATOR, _SAVED, _MARKER = ".i", ".x", ".k"


class Stack(NamedTuple):
    """What an image holds."""

    frames: list[InspectedFrame]
    globals: list[InspectedGlobal]
    deleted: list[str]
    process: list[InspectedVariable]


def stack(header: Header, image: bytes) -> Stack:
    """Returns what an image holds; a function that has not started has none.

    Raises:
        ProtocolError: it is not as the contract says, or has other frames than the header.
        DamagedError: no well-formed CBOR.
    """
    if header.place is None or not image:
        return Stack([], [], [], [])
    graph = from_cbor(image)
    source = Source(header.function.module, header.function.files)
    known = graph.get("form") == form.VERSION and graph.get("source") == source.digest
    source_places = Places(source) if known else None
    heap = Heap(graph.get("heap"), source_places.where) if source_places else Heap(graph.get("heap"))
    roots, frames, files = graph.get("roots"), graph.get("frames"), header.function.files
    if not isinstance(roots, list) or not isinstance(frames, list) or len(frames) != len(header.place.frames):
        raise ProtocolError("the checkpoint's image has other frames than its header")
    left = iter(roots)
    found = [
        _frame(heap, frame, place, left, files, _handled(source_places, frame))
        for frame, place in zip(frames, header.place.frames, strict=True)
    ]
    if graph.get("effect") is True:
        found[-1].waiting = _waiting(heap, next(left, None))
    process = [_variable(heap, name, next(left, None)) for name in _texts(graph.get("ambient"))]
    places = [_pair(place) for place in graph.get("state") or ()]
    state = [InspectedGlobal(module=module, **_named(heap, name, next(left, None))) for module, name in places]
    deleted = [".".join(_pair(place)) for place in graph.get("gone") or ()]
    return Stack(found, state, deleted, process)


def _handled(places: Places | None, frame: Any) -> set[str]:
    """Returns the author's names of the exceptions that are being handled; those without have hidden names."""
    match frame:
        case [str(module), int(function), int(number), *_] if places is not None:
            return {name for name in places.handled(module, function, number) if not name.startswith(_HIDDEN)}
    return set()


def _frame(  # noqa: PLR0917
    heap: Heap, frame: Any, place: str, roots: Iterator[Any], files: dict[str, str], handled: set[str]
) -> InspectedFrame:
    names, cells = _names(frame)
    slots = {name: next(roots, None) for name in names}
    slots |= {name: content_of_cell(heap.pen(), next(roots, None)) for name in cells}
    next(roots, None)  # the object that a constructor is making; its variable shows it
    function, _, line = printable(place).partition(" ")
    hidden = {name: slot for name, slot in slots.items() if name.startswith(_HIDDEN)}
    return InspectedFrame(
        function=function,
        line=line,
        statement=statement(files, line),
        variables=[_variable(heap, name, slot) for name, slot in slots.items() if name not in hidden],
        loops=[heap.draw(slot).value for name, slot in sorted(hidden.items(), key=_number) if _is(name, _ITERATOR)],
        exceptions=[
            each
            for role, prefix in (("handled", _SAVED), ("pending", _MARKER))
            for name, slot in slots.items()
            if (_is(name, prefix) or (name in handled and role == "handled")) and is_exception(heap, slot)
            for each in _exceptions(heap, slot, role, files)
        ],
    )


def _is(name: str, prefix: str) -> bool:
    return name.startswith(prefix) and name[len(prefix) :].isdecimal()


def _number(hidden: tuple[str, Any]) -> tuple[int, str]:
    return len(hidden[0]), hidden[0]


def _exceptions(heap: Heap, slot: Any, role: str, files: dict[str, str]) -> Iterator[InspectedException]:
    for one in raised(heap, slot):
        entries = [
            InspectedPlace(
                function=printable(entry.function),
                line=f"{printable(entry.file)}:{entry.line}",
                statement=statement(files, f"{entry.file}:{entry.line}"),
            )
            for entry in one.traceback
        ]
        yield InspectedException(role=one.why or role, value=one.value, traceback=entries, left_out=one.left_out)


def _waiting(heap: Heap, slot: Any) -> str:
    """Returns the effect that a frame waits in, as the call that it is, without what was not given."""
    pen = heap.pen()
    match pen.node(slot) if isinstance(slot, list) else None:
        case [Tag.RECORD, int(shape), str(effect), *values]:
            names = pen.names(shape)[1:]
            given = [(name, each) for name, each in zip(names, values, strict=False) if each is not None]
            return f"{printable(effect)}({', '.join(f'{printable(str(n))}={heap.draw(v).value}' for n, v in given)})"
    return heap.draw(slot).value


def _variable(heap: Heap, name: str, slot: Any) -> InspectedVariable:
    return InspectedVariable(**_named(heap, name, slot))


def _named(heap: Heap, name: str, slot: Any) -> dict[str, str]:
    drawn = heap.draw(slot)
    return {"name": printable(name), "type": drawn.type, "value": drawn.value}


def _names(frame: Any) -> tuple[list[str], list[str]]:
    match frame:
        case [_, _, _, _, _, _, list(names), list(cells), _]:
            return _texts(names), _texts(cells)
    raise ProtocolError("a frame of the checkpoint's image is not as the contract says")


def _texts(names: Any) -> list[str]:
    if isinstance(names, list) and all(isinstance(name, str) for name in names):
        return names
    raise ProtocolError("names in the checkpoint's image are not as the contract says")


def _pair(place: Any) -> tuple[str, str]:
    match place:
        case [str(module), str(name)]:
            return printable(module), printable(name)
    raise ProtocolError("a global of the checkpoint's image is not as the contract says")


def statement(files: dict[str, str], place: str) -> str:
    """Returns the text of a line of the source by ``file:line``; empty if there is none."""
    file, _, number = place.rpartition(":")
    lines = files.get(file, "").splitlines()
    return lines[int(number) - 1].strip() if number.isdecimal() and 0 < int(number) <= len(lines) else ""
