"""Home Assistant over MQTT: its birth and will on ``homeassistant/status``, and discovery: ``.../config``.

Discovery is no telemetry but tells the unit, the kind and the device of topics elsewhere, for whichever firmware sends
it: keys in short or long form, one entity a message or a whole device with its components.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from coordinator.dialects.interpretation import Interpretation, Kind
from coordinator.dialects.leaves import path_of, read_all
from coordinator.dialects.memory import Memory, Told
from coordinator.dialects.message import Message
from coordinator.dialects.quantities import unit_named

NAME: Final = "ha-mqtt"
_SHORT: Final = {
    "stat_t": "state_topic",
    "val_tpl": "value_template",
    "unit_of_meas": "unit_of_measurement",
    "dev_cla": "device_class",
    "stat_cla": "state_class",
    "dev": "device",
    "cmps": "components",
    "avty_t": "availability_topic",
    "p": "platform",
    "ids": "identifiers",
}
_IN_TEMPLATE: Final = re.compile(
    r"value_json((?:\.[A-Za-z_]\w{0,100}|\[\s*'[^'\]]{1,100}'\s*\]|\[\s*\"[^\"\]]{1,100}\"\s*\]|\[\s*\d{1,5}\s*\]){1,16})"
)
_STEP: Final = re.compile(r"\.(\w+)|\[\s*['\"]([^'\"]+)['\"]\s*\]|\[\s*(\d+)\s*\]")
_KINDS: Final = {"total_increasing": Kind.COUNTER, "measurement": Kind.GAUGE}
_COMPONENTS: Final = 500
"""Components of one device that are looked at."""


def read(message: Message) -> Interpretation | None:
    """Returns what a message means if it is Home Assistant's own."""
    levels = message.levels
    if levels[-1] == "config" and 3 < len(levels) <= 6 and _is_discovery(message):
        return _discovery(message)
    if levels[0] not in ("homeassistant", "hass"):
        return None
    if len(levels) == 2 and levels[1] == "status":
        return message.liveness(NAME, "home assistant")
    return None


def _is_discovery(message: Message) -> bool:
    if message.levels[0] == "homeassistant" or message.levels[0] == "homeassistant_discovery":
        return True
    value = message.value
    return (
        isinstance(value, dict)
        and ("uniq_id" in value or "unique_id" in value)
        and ("stat_t" in value or "state_topic" in value)
    )


def _discovery(message: Message) -> Interpretation:
    named = "/".join(message.levels[2:-1])
    if message.empty:
        return message.deletion(NAME, named)
    result = message.about(NAME, named, sign_of_life=False)
    result.readings = read_all(message.value, lambda _, __: (None, Kind.CONFIG))
    if isinstance(message.value, dict):
        for component in _components(message.value):
            _learn(component, message.memory)
    return result


def _long(config: dict[str, Any]) -> dict[str, Any]:
    return {_SHORT.get(key, key): value for key, value in config.items()}


def _components(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    whole = _long(value)
    components = whole.pop("components", None)
    if not isinstance(components, dict):
        yield whole
        return
    for component in list(components.values())[:_COMPONENTS]:
        if isinstance(component, dict):
            yield {**whole, **_long(component)}


def _learn(component: dict[str, Any], memory: Memory) -> None:
    """Remembers unit, kind and device of a topic's reading."""
    base, topic = component.get("~"), component.get("state_topic")
    if not isinstance(topic, str):
        return
    if isinstance(base, str):
        topic = base + topic[1:] if topic.startswith("~") else topic[:-1] + base if topic.endswith("~") else topic
    template = component.get("value_template")
    path = _path(template) if isinstance(template, str) else ""
    if path is None:
        return
    unit, state_class = component.get("unit_of_measurement"), component.get("state_class")
    memory.told[topic, path] = Told(
        unit_named(unit) if isinstance(unit, str) else None,
        _KINDS.get(state_class) if isinstance(state_class, str) else None,
        _device(component.get("device")),
    )


def _path(template: str) -> str | None:
    """Returns the path that a template takes the value from; ``None`` where it computes more than that."""
    if "value_json" not in template:
        return "" if re.fullmatch(r"\s*\{\{\s*value(?:\s*\|\s*\w+)?\s*\}\}\s*", template) else None
    found = _IN_TEMPLATE.findall(template[:1000])
    if len(set(found)) != 1 or any(sign in template for sign in "*/+"):
        return None
    steps = [name or quoted or int(index) for name, quoted, index in _STEP.findall(found[0])]
    return path_of(steps)


def _device(told: Any) -> str:
    device = _long(told) if isinstance(told, dict) else {}
    name = device.get("name")
    return name[:100] if isinstance(name, str) else ""
