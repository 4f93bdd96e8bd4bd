"""ESPHome: ``<node>/<component>/<object>/state``, one plain value a topic, its unit in Home Assistant's discovery alone.

Where no discovery was heard the object's name tells the quantity, in ESPHome's own units. A sensor without a reading
sends ``nan``, later versions ``None``, and the broker keeps it. ``<node>/debug`` holds coloured log lines.
"""

from __future__ import annotations

from typing import Final

from coordinator.dialects.interpretation import Interpretation, Kind, Reading
from coordinator.dialects.leaves import read_all
from coordinator.dialects.message import Message
from coordinator.dialects.quantities import named
from coordinator.dialects.vocabulary import names, vocabulary
from devices.errors import printable

NAME: Final = "esphome"
_G, _C, _S, _X, _E = Kind.GAUGE, Kind.COUNTER, Kind.STATE, Kind.CONFIG, Kind.EVENT
_NUMERIC: Final = frozenset({"sensor", "number"})
_COMPONENTS: Final = names(
    "sensor binary_sensor switch light fan cover climate text_sensor number select button lock text valve "
    "event alarm_control_panel update date time datetime water_heater"
)
_LEAVES: Final = vocabulary(
    {
        ("%", _G): "position tilt current_humidity target_humidity",
        (None, _G): "speed_level",
        (None, _S): "speed oscillation direction mode action fan_mode swing_mode preset preset_mode away valve",
        ("C", _G): "current_temperature target_temperature target_temperature_low target_temperature_high",
    }
)


def read(message: Message) -> Interpretation | None:
    """Returns what a message means if it is ESPHome's."""
    levels = message.levels
    place = next((n for n, level in enumerate(levels[1:-2], start=1) if level in _COMPONENTS), None)
    if place is None:
        return _of_node(message)
    device, component, thing, leaf = "/".join(levels[:place]), levels[place], levels[place + 1], levels[place + 2 :]
    if leaf[-1] not in ("state", "command") or len(leaf) > 2:
        return None
    message.memory.bases[NAME, device] = True
    if leaf[-1] == "command":
        return message.alone(NAME, device, None, _E, sign_of_life=False)
    if message.empty:
        return message.deletion(NAME, device)
    if isinstance(message.value, dict):
        result = message.about(NAME, device)
        kind = _E if component == "event" else _S
        result.readings = read_all(
            message.value,
            lambda _, found: (None, kind if isinstance(found, bool | str) or component == "event" else _G),
        )
        return result
    if len(leaf) == 2:
        return message.alone(NAME, device, *_LEAVES.get(leaf[0], (None, _S)))
    if component in ("text_sensor", "select", "text"):
        return message.word(NAME, device)
    if component in _NUMERIC:
        return message.alone(NAME, device, *(named(thing) or (None, _G)))
    return message.alone(NAME, device, None, _E if component in ("event", "button") else _S)


def _of_node(message: Message) -> Interpretation | None:
    levels = message.levels
    if len(levels) < 2 or levels[-1] not in ("status", "debug"):
        return None
    device = "/".join(levels[:-1])
    if levels[-1] == "debug":
        if not message.payload.startswith((b"\x1b[", b"[")):
            return None
        line = Reading("log line", None, _E, "a line of the log is no telemetry", printable(message.text, 500))
        return Interpretation(NAME, device, {"": line})
    known = (NAME, device) in message.memory.bases
    if len(levels) != 2 or (message.payload not in (b"online", b"offline") and not (known and message.empty)):
        return None
    return message.deletion(NAME, device) if message.empty else message.liveness(NAME, device)
