"""OwnTracks: ``owntracks/<user>/<device>`` with a `_type`; the will (`lwt`) comes on the topic of the locations.

`tst` is when the fix was taken. A phone that was away sends hours of them at once, not in order and partly twice. The will's
`tst` is when the session began. Old apps put numbers in quotes. -1 means that steps cannot be counted.
"""

from __future__ import annotations

from typing import Any, Final

from coordinator.dialects.interpretation import Interpretation, Kind, Reading, Signal
from coordinator.dialects.leaves import Meaning, Step, nothing_if, read_all, reading
from coordinator.dialects.message import Message
from coordinator.dialects.times import seconds_in
from coordinator.dialects.vocabulary import vocabulary

NAME: Final = "owntracks"
_G, _C, _S, _X, _E = Kind.GAUGE, Kind.COUNTER, Kind.STATE, Kind.CONFIG, Kind.EVENT
_LATE: Final = 300.0
"""Seconds after which a fix is history rather than where somebody is."""
_KEYS: Final = vocabulary(
    {
        ("%", _G): "batt",
        ("m", _G): "acc alt vac distance",
        ("km/h", _G): "vel",
        ("deg", _G): "cog lat lon",
        ("m", _X): "rad",
        ("kPa", _G): "p pressure",
        (None, _S): "bs conn SSID BSSID tag poi desc inregions prox hib ps bo loc motionactivities",
        (None, _X): "m t tid topic inrids _type _id uuid major minor source ds data face name rid",
        ("s", Kind.TIMESTAMP): "tst created_at wtst from to",
        (None, _E): "event",
        (None, _G): "steps floorsup floorsdown",
        ("dBm", _G): "rssi",
    }
)


def read(message: Message) -> Interpretation | None:
    """Returns what a message means if it is OwnTracks'."""
    levels, value = message.levels, message.value
    if levels[0] != NAME and not (
        isinstance(value, dict) and value.get("_type") in ("location", "transition") and "tst" in value
    ):
        return None
    device = "/".join(levels[1:3] if levels[0] == NAME else levels[:3])
    if message.empty:
        return message.deletion(NAME, device)
    if not isinstance(value, dict):
        return message.alone(NAME, device, None, _S)
    sort = value.get("_type")
    if levels[-1] == "cmd":
        return message.alone(NAME, device, None, _E, sign_of_life=False)
    result = message.about(NAME, device)
    result.readings = {path: _unquoted(read_) for path, read_ in read_all(value, _meaning).items()}
    for path in ("steps", "batt", "vac", "acc"):
        if path in result.readings:
            result.readings[path] = nothing_if(result.readings[path], "-1 means that the phone cannot tell", -1)
    if sort == "lwt":
        result.readings["_type"] = reading(sort, None, Kind.LIVENESS)
        result.signal, result.sign_of_life = Signal.DOWN, False
        return result
    if sort in ("encrypted", "transition", "card", "cmd", "beacon", "dump"):
        result.readings["_type"] = reading(sort, None, _E)
    _date(message, device, value, result)
    if not result.stale:
        result.signal = Signal.UP
    return result


def _date(message: Message, device: str, value: dict[str, Any], result: Interpretation) -> None:
    """Tells late fixes and repeats from where somebody is now."""
    taken = seconds_in(value.get("tst"))
    result.measured = taken
    if taken is None or value.get("_type") != "location":
        return
    newest = message.memory.packets.get((NAME, device))
    if newest is not None and taken <= newest:
        result.stale = "a fix that is older than one that came before, or the same again"
        return
    message.memory.packets[NAME, device] = taken
    if message.at - taken > _LATE:
        result.stale = "a fix that was kept on the phone while it was offline"


def _meaning(steps: tuple[Step, ...], found: Any) -> Meaning:
    key = next((step for step in reversed(steps) if isinstance(step, str)), "")
    unit, kind = _KEYS.get(key, (None, _S if isinstance(found, str | bool) else _G))
    return unit, kind


def _unquoted(read_: Reading) -> Reading:
    """A time that an old app has put in quotes."""
    if read_.kind is Kind.TIMESTAMP and isinstance(read_.value, str):
        number = reading(read_.value, read_.unit, _G)
        return number._replace(kind=Kind.TIMESTAMP) if number.value is not None else read_
    return read_
