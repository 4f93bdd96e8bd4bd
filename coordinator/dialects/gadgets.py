"""Small firmware with topics of its own: ANAVI's boards, AWTRIX clocks, APsystems' ESP-ECU.

Each is known by its topic and its keys together. ANAVI writes the unit behind the signal strength, the one number with a
unit in it that is read: the firmware always writes it so.
"""

from __future__ import annotations

import re
from typing import Any, Final

from coordinator.dialects.interpretation import Interpretation, Kind, Reading
from coordinator.dialects.leaves import read_all
from coordinator.dialects.message import Message
from coordinator.dialects.quantities import named
from coordinator.dialects.vocabulary import names, vocabulary

_G, _C, _S, _X = Kind.GAUGE, Kind.COUNTER, Kind.STATE, Kind.CONFIG
_MACHINE: Final = re.compile(r"[0-9a-f]{12,32}")
_SIGNAL: Final = re.compile(r"([+-]?\d{1,4}) ?dbm", re.IGNORECASE)
_ANAVI: Final = names("air wifi water light gesture sensor button door fan button1 button2 line1")
_ECU: Final = vocabulary(
    {
        ("W", _G): "totalpwr",
        ("Hz", _G): "freq",
        ("C", _G): "tem",
        ("V", _G): "acv",
        (None, _X): "serial",
        ("Wh", Kind.DAILY): "totalen",
    }
)


def anavi(message: Message) -> Interpretation | None:
    """Returns what a message of an ANAVI board means."""
    levels, value = message.levels, message.value
    if len(levels) != 3 or not _MACHINE.fullmatch(levels[0]) or levels[1] not in _ANAVI or not isinstance(value, dict):
        return None
    result = message.about("anavi", levels[0])
    result.readings = read_all(value, lambda steps, found: _named(str(steps[-1]), found))
    for path, read_ in result.readings.items():
        found = _SIGNAL.fullmatch(read_.raw)
        if path == "rssi" and found:
            result.readings[path] = Reading(int(found[1]), "dBm", _G, "", read_.raw)
    return result


def awtrix(message: Message) -> Interpretation | None:
    """Returns what an AWTRIX clock says of itself."""
    value = message.value
    if (
        message.levels[-1] != "stats"
        or not isinstance(value, dict)
        or not _names(value, "wifiRssi", "uptimeSeconds", "batteryPercent")
    ):
        return None
    result = message.about("awtrix", "/".join(message.levels[:-1]))
    result.readings = read_all(value, lambda steps, found: _named(str(steps[-1]), found))
    return result


def esp_ecu(message: Message) -> Interpretation | None:
    """Returns what an ESP-ECU says of a solar inverter."""
    value = message.value
    if not isinstance(value, dict) or not _names(value, "totalpwr", "totalen", "pw0"):
        return None
    result = message.about("aps-ecu", "/".join(message.levels))
    result.readings = read_all(value, lambda steps, _: _of_inverter(str(steps[-1])))
    return result


def _of_inverter(key: str) -> tuple[str | None, Kind]:
    if re.fullmatch(r"(?:pw|en|dcv|dcc)\d", key):
        return {"pw": ("W", _G), "en": ("Wh", Kind.DAILY), "dcv": ("V", _G), "dcc": ("A", _G)}[key[:-1]]
    return _ECU.get(key, (None, _G))


def _names(value: dict[str, Any], *keys: str) -> bool:
    return sum(key in value for key in keys) > 1


def _named(key: str, found: Any) -> tuple[str | None, Kind]:
    quantity = named(key)
    if isinstance(found, bool) or (isinstance(found, str) and quantity is None):
        return None, _S
    return quantity or (None, _G)
