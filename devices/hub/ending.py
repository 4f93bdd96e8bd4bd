"""How a function ends, as values: it returned, it raised, or its process died too often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from devices.errors import LONGEST_SHOWN, printable
from devices.hub.instance import Instance
from devices.protocol import limits, link
from devices.protocol.answers import Ended

_TRACEBACK = 8 * limits.KIB  # bytes of a traceback that are told; its end says what went wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """A function's end.

    Attributes:
        state: what the instance is from here on.
        reason: in one line; empty if it returned.
        told: what the coordinator is told.
        result: JSON of what it returned.
    """

    state: Literal["finished", "failed"]
    reason: str
    told: Ended
    result: bytes | None = None


def returned(instance: Instance, frame: link.Returned) -> End:
    """Returns the end of a function that returned. A result that JSON cannot hold is told as Python shows it."""
    result = frame.result if frame.result is not None else msgspec.json.encode(printable(frame.shown, LONGEST_SHOWN))
    value: Any = msgspec.json.decode(result) if len(result) <= limits.SHOWN_MESSAGE // 2 else printable(frame.shown)
    return End(state="finished", reason="", told=_told(instance, "finished", result=value), result=result)


def raised(instance: Instance, frame: link.Raised) -> End:
    """Returns the end of a function that raised."""
    traceback = printable(frame.traceback[-_TRACEBACK:], _TRACEBACK)
    reason = printable(frame.error, LONGEST_SHOWN)
    return End(state="failed", reason=reason, told=_told(instance, "failed", error=traceback or reason))


def died(instance: Instance, words: str) -> End:
    """Returns the end of a function whose process died too often."""
    return End(state="failed", reason=words, told=_told(instance, "failed", error=words))


def _told(instance: Instance, state: Literal["finished", "failed"], *, result: Any = None, error: str = "") -> Ended:
    return Ended(
        hub=instance.hub.name,
        instance=instance.name,
        epoch=instance.epoch,
        state=state,
        result=result,
        error=error,
        checkpoint=instance.durable,
        consumed=instance.mailbox.delivered,
    )
