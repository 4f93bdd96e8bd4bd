"""A blob as what `midstream inspect --json` prints."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from coordinator.cli.documents import InspectedMessage, InspectedSubscription, Inspection
from coordinator.cli.stack import stack
from devices.errors import printable
from devices.protocol import checkpoint
from devices.protocol.checkpoint import Arrival, Output
from devices.runtime.deadline import outlook_of

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
    found = stack(header, decoded.image)
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
        frames=found.frames,
        globals=found.globals,
        deleted=found.deleted,
        process=found.process,
        subscriptions=[
            InspectedSubscription(filters=one.filters, latest_only=one.latest_only)
            for one in header.mailbox.subscriptions
        ],
        unread=[_unread(arrival) for arrival in header.mailbox.unread],
        outputs=[_output(output) for output in header.outputs],
        arrivals=header.mailbox.arrivals,
        dropped=header.mailbox.dropped,
        waiting=printable(outlook_of(header)),
    )


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
