"""Home Assistant's statestream: ``<base>/<domain>/<object>/state`` and ``.../<attribute>``, all of it kept by the broker.

Attributes are JSON, so that texts come in quotes. An attribute that is called ``state`` shares the topic of the state.
The unit is an attribute of its own and depends on the user's choice: until it was heard there is none.
"""

from __future__ import annotations

from typing import Final

from coordinator.dialects.interpretation import Interpretation, Kind, Signal
from coordinator.dialects.leaves import read_all, reading
from coordinator.dialects.memory import Told
from coordinator.dialects.message import Message
from coordinator.dialects.quantities import unit_named
from coordinator.dialects.times import seconds_in
from coordinator.dialects.vocabulary import names, vocabulary

NAME: Final = "ha-statestream"
_G, _S, _X = Kind.GAUGE, Kind.STATE, Kind.CONFIG
_DOMAINS: Final = names(
    "sensor binary_sensor light switch climate cover fan lock media_player person device_tracker weather sun "
    "zone automation script scene input_boolean input_number input_select input_text input_datetime "
    "input_button number select button vacuum camera update humidifier water_heater alarm_control_panel timer "
    "counter group siren valve event text calendar todo remote image date time datetime lawn_mower schedule "
    "tag notify stt tts conversation air_quality plant proximity"
)
_NUMERIC: Final = frozenset({"sensor", "number", "input_number", "counter", "air_quality"})
_TIMES: Final = names(
    "last_changed last_updated last_triggered last_reported next_dawn next_dusk next_rising next_setting "
    "next_noon next_midnight"
)
_SETTINGS: Final = names(
    "unit_of_measurement friendly_name icon device_class state_class supported_features entity_picture "
    "attribution min max step mode options supported_color_modes min_mireds max_mireds effect_list "
    "assumed_state id restored hidden editable user_id source min_temp max_temp target_temp_step"
)
_ATTRIBUTES: Final = vocabulary(
    {
        ("%", _G): "battery_level current_position current_tilt_position percentage humidity current_humidity",
        (None, _G): "volume_level",
        ("mired", _G): "color_temp",
        ("K", _G): "color_temp_kelvin",
        ("deg", _G): "latitude longitude elevation azimuth wind_bearing",
        ("m", _G): "gps_accuracy",
    }
)


def read(message: Message) -> Interpretation | None:
    """Returns what a message means if it is the statestream's."""
    levels = message.levels
    if len(levels) < 4 or levels[-3] not in _DOMAINS or levels[0] == "zigbee2mqtt":
        return None
    if levels[0] not in ("statestream", "homeassistant") and (NAME, "/".join(levels[:-3])) not in message.memory.bases:
        if levels[-1] not in _TIMES and levels[-1] != "friendly_name":
            return None
        message.memory.bases[NAME, "/".join(levels[:-3])] = True
    domain, thing, attribute = levels[-3:]
    device = f"{domain}.{thing}"
    if message.empty:
        return message.deletion(NAME, device)
    if attribute == "state":
        return _state(message, domain, device)
    if attribute == "unit_of_measurement" and isinstance(message.value, str):
        message.memory.told["/".join([*levels[:-1], "state"]), ""] = Told(unit_named(message.value))
    if attribute in _TIMES:
        result = message.alone(NAME, device, None, Kind.TIMESTAMP)
    elif isinstance(message.value, dict | list):
        result = message.about(NAME, device)
        result.readings = read_all(message.value, lambda _, found: (None, _S if isinstance(found, str | bool) else _G))
    elif attribute in _SETTINGS:
        result = message.alone(NAME, device, None, _X)
    else:
        told = _ATTRIBUTES.get(attribute)
        result = message.alone(NAME, device, *(told or (None, _G if isinstance(message.value, int | float) else _S)))
    return result


def _state(message: Message, domain: str, device: str) -> Interpretation:
    word = message.value
    if isinstance(word, str) and word in ("unavailable", "unknown"):
        gone = word == "unavailable"
        result = message.alone(NAME, device, None, Kind.LIVENESS if gone else _S)
        why = "the entity is unavailable" if gone else "the entity has no value yet"
        result.readings[""] = result.readings[""]._replace(value=None, why=why, raw=word)
        result.signal = Signal.DOWN if gone else None
        result.sign_of_life = not gone
        return result
    if isinstance(word, dict | list):
        result = message.about(NAME, device)
        result.readings = read_all(word, lambda _, found: (None, _S if isinstance(found, str | bool) else _G))
        return result
    result = message.about(NAME, device, signal=Signal.UP)
    numeric = reading(word, None, _G)
    wanted = domain in _NUMERIC and isinstance(numeric.value, int | float) and not isinstance(numeric.value, bool)
    result.readings[""] = numeric if wanted else reading(word, None, _S)
    if isinstance(word, str) and seconds_in(word) and domain == "sensor" and "T" in word:
        result.readings[""] = reading(word, None, Kind.TIMESTAMP)
    return result
