"""Messages that real firmware sent, and how to let them tell other values without touching the rest of a byte.

`recorded.jsonl` beside this file has a message a line with its source; ids in it are neutral stand-ins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

import msgspec

_FILE: Final = "recorded.jsonl"


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded message with its firmware's QoS and retain flag."""

    dialect: str
    topic: str
    payload: str
    retain: bool
    qos: int


@cache
def recorded(topic: str, payload: str | None = None) -> Recorded:
    """Returns the recorded message of a topic; ``payload`` chooses among several."""
    lines = resources.files("devices.simulators").joinpath(_FILE).read_bytes()
    messages = msgspec.json.Decoder(Recorded).decode_lines(lines)
    return next(one for one in messages if one.topic == topic and payload in (None, one.payload))


def telling(payload: str, values: Mapping[str, str]) -> bytes:
    """Returns a recorded JSON payload with other values of some keys.

    Args:
        payload: as it was recorded: its blanks, decimals and order of keys stay.
        values: by key, as they are written in JSON; each key stands in the payload once.
    """
    for key, value in values.items():
        payload, count = re.subn(rf'("{re.escape(key)}":\s*)("[^"]*"|[^\s,}}\]]+)', rf"\g<1>{value}", payload)
        assert count == 1, f"{key!r} stands {count} times in {payload}"
    return payload.encode()
