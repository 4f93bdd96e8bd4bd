"""A message as a function sees it."""

from __future__ import annotations

from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Any, Final, TypeVar, overload

import msgspec

from devices.errors import printable
from devices.protocol.occasion import Occasion
from devices.protocol.readings import NoNumber, number_at, parse, parse_path, value_at

D = TypeVar("D")
_MISSING: Final[Any] = object()
_path = lru_cache(maxsize=256)(parse_path)
_parsed_to_read_numbers = lru_cache(maxsize=8)(parse)  # never handed out: what a function gets it may change


class Message(msgspec.Struct, frozen=True, eq=False):
    """One message: what a device, a person or another function published.

    Attributes:
        topic: where it was published.
        payload: its bytes, as they came.
        time: when the hub received it; aware, in the site's time zone.
        params: the values of the named segments of the subscription's filter: with
            ``ctx.subscribe("zigbee2mqtt/{room}/climate")`` it may be ``{"room": "kitchen"}``.
        retained: whether it was the topic's last known value, from before the subscription. It comes once for a
            subscription, never again after a move.
        qos: the quality of service it arrived with: 0, 1 or 2. What arrives with 0 may have gaps.
    """

    topic: str
    payload: bytes
    time: datetime
    params: dict[str, str] = {}
    retained: bool = False
    qos: int = 0

    @property
    def text(self) -> str:
        """The payload as text; bytes that are no UTF-8 become U+FFFD."""
        return self.payload.decode(errors="replace")

    @property
    def json(self) -> Any:
        """The payload as JSON says it (RFC 8259); a payload that is plain text, as that text.

        Raises:
            ValueError: it is empty, binary, broken JSON, or nested too deep; the topic is named.
        """
        value = parse(self.payload)
        if isinstance(value, NoNumber):
            raise ValueError(f"{self.topic}: {value.value}")  # noqa: TRY004 -- a payload is not of a wrong type
        return value

    @overload
    def number(self, path: str = "") -> float: ...
    @overload
    def number(self, path: str, default: D) -> float | D: ...
    @overload
    def number(self, path: str = "", *, default: D) -> float | D: ...
    def number(self, path: str = "", default: D = _MISSING) -> float | D:
        """The finite number at a path; the same reading as in rules.

        Numbers, and texts that are wholly one (``"100.00"``), are numbers; ``12,5``, ``21.5 °C``, ``nan``, ``null``,
        ``true`` and what is missing are none.

        Args:
            path: into the payload's JSON: ``"ENERGY.Power"``, ``"ENERGY.Power[0]"``, ``'PMS5003["PM2.5"]'``; empty:
                the whole payload.
            default: what is returned where there is no number.

        Raises:
            ValueError: there is no number and no default was given; topic, path and reason are named.
            UsageError: the path is none.
        """
        found = number_at(_parsed_to_read_numbers(self.payload), _path(path))
        if not isinstance(found, NoNumber):
            return found
        if default is not _MISSING:
            return default
        there = f"{self.topic}, {path}" if path else self.topic
        raise ValueError(f"{there}: {found.value} ({printable(self.text, 80)!r})")

    def value(self, path: str = "", default: Any = None) -> Any:
        """What stands at a path in the payload's JSON: a text, number, bool, list, dict or ``None``.

        Args:
            path: as for `number`; empty: the whole payload, of plain text that text.
            default: what is returned where there is nothing, or the payload is broken.

        Raises:
            UsageError: the path is none.
        """
        found = value_at(parse(self.payload), _path(path))
        return default if isinstance(found, NoNumber) else found


def message_of(occasion: Occasion, zone: tzinfo) -> Message:
    """Returns the message that a run was started by."""
    return Message(
        topic=occasion.topic,
        payload=occasion.payload,
        time=datetime.fromtimestamp(occasion.at, zone),
        params=dict(occasion.params),
        qos=occasion.qos,
    )
