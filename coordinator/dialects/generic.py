"""Topics of the user's own: flows, scripts and firmware that no other dialect knows.

Numbers are gauges and words are states. A unit is only believed where the key spells it (`temp_C`, `uptimeSeconds`) or a
discovery tells it: a temperature without a unit may well be Fahrenheit.
"""

from __future__ import annotations

from typing import Any, Final

from coordinator.dialects.interpretation import Interpretation, Kind, Reading, Signal
from coordinator.dialects.leaves import Meaning, Step, read_all
from coordinator.dialects.message import Message
from coordinator.dialects.quantities import spelled, words_in
from coordinator.dialects.times import seconds_in
from coordinator.dialects.vocabulary import names
from coordinator.dialects.words import signal_in
from devices.protocol.readings import NoNumber

NAME: Final = "generic"
_G, _C, _S, _X = Kind.GAUGE, Kind.COUNTER, Kind.STATE, Kind.CONFIG
_THERE: Final = frozenset({"status", "availability", "available", "online", "lwt", "connected", "alive", "connection"})
_LEAVES: Final = _THERE | {"state", "sensor", "data", "values", "telemetry", "stat", "json", "reading", "result"}
_TIMES: Final = names("timestamp time ts tst datetime unixtime epoch last_seen last_updated measured_at")
_COUNTERS: Final = frozenset({"uptime", "total", "counter", "count", "pulses"})
_FILES: Final = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"PK\x03\x04", b"\x1f\x8b")
"""How pictures and archives begin, which are no mistake of anybody's."""
_ENERGY: Final = ("kWh", "Wh", "MWh")


def read(message: Message) -> Interpretation:
    """Returns what can be said of any message."""
    device = device_of(message.topic, whole=isinstance(message.value, dict | list))
    leaf = message.levels[-1].casefold()
    if message.empty:
        if message.retained:
            return message.deletion(NAME, device)
        return Interpretation(NAME, device, {"": Reading(None, None, _G, NoNumber.EMPTY.value)})
    value = message.value
    if leaf in _THERE and not isinstance(value, int | float | list) and signal_in(value) is not Signal.UNKNOWN:
        if isinstance(value, dict) and len(value) > 2:
            return _object(message, device)
        path = (
            next((key for key in ("state", "value", "status", "online") if key in value), "")
            if isinstance(value, dict)
            else ""
        )
        return message.liveness(NAME, device, path, value[path] if path else None)
    if isinstance(value, dict | list):
        return _object(message, device)
    unit, kind = _meaning(message.levels[-1], value)
    if isinstance(value, str) and kind is not Kind.TIMESTAMP and not _almost_number(value):
        unit, kind = None, _S
    result = message.alone(NAME, device, unit, kind)
    if value is NoNumber.BINARY:
        picture = message.payload.startswith(_FILES)
        result.readings[""] = Reading(
            None, None, Kind.EVENT, "a file or a picture: no number" if picture else value.value
        )
        result.error = "" if picture else result.error
    return result


def device_of(topic: str, *, whole: bool) -> str:
    """Returns the device that a topic of the user's own is about.

    Args:
        topic: the message's.
        whole: it tells all of a device at once; else it is one of its values, and the device stands a level above.
    """
    above, _, leaf = topic.rpartition("/")
    stripped = leaf.casefold() in _LEAVES or (not whole and "/" in above.strip("/"))
    return above if above and stripped else topic


def _object(message: Message, device: str) -> Interpretation:
    result = message.about(NAME, device)

    def meaning(steps: tuple[Step, ...], found: Any) -> Meaning:
        return _meaning(next((step for step in reversed(steps) if isinstance(step, str)), ""), found)

    result.readings = read_all(message.value, meaning)
    if isinstance(message.value, dict):
        told = next((message.value[key] for key in message.value if key.casefold() in _TIMES), None)
        result.measured = seconds_in(told)
    return result


def _meaning(key: str, found: Any) -> tuple[str | None, Kind]:
    if (
        key.casefold() in _TIMES
        and not isinstance(found, bool | None)
        and (isinstance(found, str) or seconds_in(found))
    ):
        return None, Kind.TIMESTAMP
    if isinstance(found, bool):
        return None, _S
    unit = spelled(key)
    if isinstance(found, str) and not _almost_number(found):
        return None, _S
    words = {word.casefold() for word in words_in(key)}
    if unit in _ENERGY or words & _COUNTERS:
        return unit, _C
    return unit, _G


def _almost_number(text: str) -> bool:
    """Whether a text is meant to be a number, so that it is worth saying why it is none."""
    word = text.strip().casefold()
    return (
        word in ("nan", "inf", "-inf", "none", "null", "infinity", "unavailable", "unknown", "-nan")
        or word[:1].isdigit()
        or word[:2].lstrip("+-.").isdigit()
    )
