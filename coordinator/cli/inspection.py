"""A blob as what `midstream inspect --json` prints."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from coordinator.cli.documents import (
    InspectedFrame,
    InspectedMessage,
    InspectedSubscription,
    InspectedVariable,
    Inspection,
)
from coordinator.cli.heap import Heap
from devices.errors import ProtocolError, printable
from devices.protocol import checkpoint
from devices.protocol.checkpoint import Arrival, Header, Output
from devices.runtime.python.values.wire import from_cbor

_HIDDEN: Final = "."
"""Begins the names that the engine gives to a loop's iterator and to values in the middle of a statement."""
_PAYLOAD_SHOWN: Final = 500  # bytes of a message's payload


def inspected(blob: bytes, public: bytes | None) -> Inspection:
    """Returns everything that stands in a blob.

    Args:
        blob: the bytes.
        public: the key that must have signed it; ``None`` leaves that open, and says so.

    Raises:
        DamagedError: cut short or altered.
        NewerFormatError: a newer format version.
        ProtocolError: no checkpoint.
    """
    decoded = checkpoint.decode(blob, public=public)
    header = decoded.header
    return Inspection(
        checkpoint=header.checkpoint,
        instance=header.instance,
        parent=header.parent,
        epoch=header.epoch,
        created=header.created,
        hub=header.hub,
        reason=header.reason,
        bytes=len(blob),
        signature="good" if public is not None else "not checked: the signer's key is not known here",
        function=header.function.name,
        arguments=header.function.arguments,
        engine=f"{header.engine.name}, {header.engine.implementation} {header.engine.python}",
        line=header.place.line if header.place else "",
        statement=header.place.statement if header.place else "",
        files=header.function.files,
        frames=_frames(header, decoded.image),
        subscriptions=[
            InspectedSubscription(filters=one.filters, latest_only=one.latest_only)
            for one in header.mailbox.subscriptions
        ],
        unread=[_unread(arrival) for arrival in header.mailbox.unread],
        outputs=[_output(output) for output in header.outputs],
        arrivals=header.mailbox.arrivals,
        dropped=header.mailbox.dropped,
    )


def _frames(header: Header, image: bytes) -> list[InspectedFrame]:
    """Returns the frames with their variables; a function that has not started has none."""
    if header.place is None or not image:
        return []
    graph = from_cbor(image)
    heap, roots, frames = Heap(graph.get("heap")), graph.get("roots"), graph.get("frames")
    if not isinstance(roots, list) or not isinstance(frames, list) or len(frames) != len(header.place.frames):
        raise ProtocolError("the checkpoint's image has other frames than its header")
    found, at = [], 0
    for frame, place in zip(frames, header.place.frames, strict=True):
        names, cells = _names(frame)
        variables = [
            InspectedVariable(name=name, type=drawn.type, value=drawn.value)
            for name, slot in zip((*names, *cells), roots[at:], strict=False)
            if not name.startswith(_HIDDEN)
            for drawn in (heap.draw(slot),)
        ]
        at += len(names) + len(cells) + 1  # and the object that a constructor is making
        function, _, line = printable(place).rpartition(" ")
        statement = _statement(header.function.files, line)
        found.append(InspectedFrame(function=function, line=line, statement=statement, variables=variables))
    return found


def _names(frame: Any) -> tuple[list[str], list[str]]:
    match frame:
        case [_, _, _, _, _, _, list(names), list(cells), _] if all(isinstance(name, str) for name in names + cells):
            return names, cells
    raise ProtocolError("a frame of the checkpoint's image is not as the contract says")


def _statement(files: dict[str, str], place: str) -> str:
    file, _, number = place.rpartition(":")
    lines = files.get(file, "").splitlines()
    return lines[int(number) - 1].strip() if number.isdecimal() and 0 < int(number) <= len(lines) else ""


def _unread(arrival: Arrival) -> InspectedMessage:
    return InspectedMessage(
        topic=printable(arrival.topic),
        payload=_shown(arrival.payload),
        qos=arrival.qos,
        retain=arrival.retain,
        at=datetime.fromtimestamp(arrival.at, UTC).isoformat(timespec="milliseconds"),
    )


def _output(output: Output) -> InspectedMessage:
    return InspectedMessage(
        topic=printable(output.topic),
        payload=_shown(output.payload),
        qos=output.qos,
        retain=output.retain,
        sequence=output.sequence,
    )


def _shown(payload: bytes) -> str:
    try:
        return printable(payload.decode(), _PAYLOAD_SHOWN)
    except UnicodeDecodeError:
        return payload[: _PAYLOAD_SHOWN // 2].hex(" ")
