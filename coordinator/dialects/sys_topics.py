"""The broker's own figures: ``$SYS/broker/...``, kept, some with their unit in words. A filter ``#`` never matches them."""

from __future__ import annotations

import re
from typing import Final

from coordinator.dialects.interpretation import Interpretation, Kind, Reading
from coordinator.dialects.message import Message
from devices.protocol.readings import number_at

NAME: Final = "mosquitto-sys"
_G, _C, _X = Kind.GAUGE, Kind.COUNTER, Kind.CONFIG
_SECONDS: Final = re.compile(r"(\d{1,15}) seconds?")
_GAUGES: Final = re.compile(
    r"clients/(?:connected|active|disconnected|inactive|total)|subscriptions/count|shared_subscriptions/count|retained messages/count|messages/(?:stored|inflight)|store/messages/count|connections/socket/count"
)
_COUNTERS: Final = re.compile(
    r"(?:messages|publish/messages|bytes|publish/bytes)/(?:received|sent|dropped)|clients/expired|uptime"
)


def read(message: Message) -> Interpretation | None:
    """Returns what a message means if it is a broker's about itself."""
    if message.levels[0] != "$SYS":
        return None
    name = "/".join(message.levels[2:])
    if message.empty:
        return message.deletion(NAME, "broker")
    device = "broker" if message.levels[1:2] == ["broker"] or len(message.levels) < 3 else message.levels[2]
    if message.levels[1:2] == ["brokers"]:
        name = "/".join(message.levels[3:])
    seconds = _SECONDS.fullmatch(message.text)
    if seconds:
        counts = Reading(int(seconds[1]), "s", _C if name.endswith("uptime") else _G)
        return Interpretation(NAME, device, {"": counts})
    if name in ("version", "timestamp", "sysdescr") or name.startswith("bridge"):
        result = message.about(NAME, device)
        result.readings[""] = Reading(message.text, None, _X)
        return result
    if name.startswith("load/"):
        return message.alone(NAME, device, "1/min", _G)
    if name.startswith("heap/") or name == "store/messages/bytes":
        return message.alone(NAME, device, "B", _G)
    if _COUNTERS.fullmatch(name):
        return message.alone(NAME, device, "B" if "bytes" in name else None, _C)
    if _GAUGES.fullmatch(name):
        return message.alone(NAME, device, None, _G)
    numeric = isinstance(number_at(message.value, ()), float)
    return message.alone(NAME, device, None, _G if numeric else _X)
