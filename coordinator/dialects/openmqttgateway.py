"""OpenMQTTGateway and Theengs: ``home/<gateway>/BTtoMQTT/<address>``: beacons of the whole neighbourhood.

The unit stands in the key (`tempc`, `tempf`). A beacon repeats one payload for days: silence is the news, not repetition.
"""

from __future__ import annotations

import re
from typing import Any, Final

from coordinator.dialects.interpretation import Interpretation, Kind
from coordinator.dialects.leaves import Meaning, Step, read_all
from coordinator.dialects.message import Message
from coordinator.dialects.quantities import named
from coordinator.dialects.vocabulary import vocabulary

NAME: Final = "openmqttgateway"
_G, _C, _S, _X, _E = Kind.GAUGE, Kind.COUNTER, Kind.STATE, Kind.CONFIG, Kind.EVENT
_PART: Final = re.compile(r"[A-Za-z0-9_]{1,30}toMQTT")
_HAPPENED: Final = frozenset(
    {"433toMQTT", "IRtoMQTT", "RFtoMQTT", "2GtoMQTT", "SRFBtoMQTT", "PilighttoMQTT", "RFIDtoMQTT"}
)
_KEYS: Final = vocabulary(
    {
        ("C", _G): "tempc tempc1 tempc2 tempc_internal internalTemp dewpc",
        ("F", _G): "tempf tempf1 tempf2",
        ("%", _G): "hum batt moi",
        ("V", _G): "volt",
        ("dBm", _G): "rssi txpower RSSI",
        ("m", _G): "distance",
        ("lx", _G): "lux",
        ("uS/cm", _G): "fer",
        ("hPa", _G): "pres",
        ("ppm", _G): "co2",
        ("ug/m3", _G): "pm25 pm10",
        ("mg/m3", _G): "for",
        ("kg", _G): "weight",
        ("Ohm", _G): "impedance",
        (None, _C): "steps packet counter",
        ("W", _G): "power",
        ("A", _G): "current",
        ("kWh", _C): "energy",
        (None, _G): "power_factor darkness",
        ("s", _C): "uptime",
        ("B", _G): "freemem maxBlock",
        (None, _S): "lowbatt open motion pres_detected presence state battery_ok",
        (None, _X): (
            "id mac_type adv_type type brand model model_id mfid uuid major minor name cidc acts cont track "
            "encr prmac manufacturerdata servicedata servicedatauuid version SSID BSSID ip mac modules env "
            "protocol length mic rel channel subtype"
        ),
        ("us", _X): "delay",
        (None, Kind.TIMESTAMP): "time timestamp UTCtime",
        ("s", Kind.TIMESTAMP): "unixtime",
        (None, _E): "value hex",
    }
)


def read(message: Message) -> Interpretation | None:
    """Returns what a message means if it is OpenMQTTGateway's."""
    levels = message.levels
    place = next((n for n, level in enumerate(levels) if n > 0 and _PART.fullmatch(level)), None)
    if place is not None:
        return _heard(message, levels[place - 1], levels[place], levels[place + 1 :])
    if len(levels) > 2 and levels[-2] in ("home_presence", "presence") and isinstance(message.value, dict):
        return _heard(message, levels[-1], "BTtoMQTT", [])
    if len(levels) == 3 and levels[0] == "home" and levels[2] in ("LWT", "version"):
        if levels[2] == "version":
            return message.alone(NAME, levels[1], None, _X)
        return message.deletion(NAME, levels[1]) if message.empty else message.liveness(NAME, levels[1])
    return None


def _heard(message: Message, gateway: str, part: str, below: list[str]) -> Interpretation:
    value = message.value
    if part.startswith("SYS"):
        device, bridge = gateway, ""
    else:
        told = value.get("id") if isinstance(value, dict) else None
        device = told if isinstance(told, str) and told else "/".join(below)
        bridge = gateway
        if isinstance(value, dict) and "model" in value and not below and part == "RTL_433toMQTT":
            device = f"{value['model']}/{told}"
    if message.empty:
        return message.deletion(NAME, device or gateway, bridge=bridge)
    result = message.about(NAME, device or gateway, bridge=bridge if device else "")
    kind = _E if part in _HAPPENED else None

    def meaning(steps: tuple[Step, ...], found: Any) -> Meaning:
        return _meaning(str(steps[-1]) if steps else "", found, kind)

    result.readings = read_all(value, meaning)
    return result


def _meaning(key: str, found: Any, kind: Kind | None) -> tuple[str | None, Kind]:
    told = _KEYS.get(key) or named(key)
    if kind is not None and key not in ("rssi", "RSSI"):
        return None, told[1] if told and told[1] is _X else kind
    if key == "pres" and isinstance(found, bool):
        return None, _S
    return told or (None, _S if isinstance(found, str | bool) else _G)
