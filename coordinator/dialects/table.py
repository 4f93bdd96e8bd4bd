"""Which dialects there are, and in which order a message is offered to them.

By the topic's first level where the firmware has one of its own; the user may have chosen another, so then by the topic's
shape, from the most telling one to the least; and what nobody knows is generic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from coordinator.dialects import (
    collectd,
    esphome,
    evcc,
    frigate,
    gadgets,
    generic,
    glances,
    homeassistant,
    homie,
    meshtastic,
    nut,
    openmqttgateway,
    owntracks,
    psmqtt,
    rpimonitor,
    rtl433,
    shelly1,
    shelly2,
    sparkplug,
    statestream,
    sys_topics,
    tasmota,
    telegraf,
    valetudo,
    victron,
    wled,
    zigbee2mqtt,
    zwavejs,
)
from coordinator.dialects.interpretation import Interpretation
from coordinator.dialects.message import Message

Read = Callable[[Message], Interpretation | None]

BY_ROOT: Final[dict[str, tuple[Read, ...]]] = {
    "$SYS": (sys_topics.read,),
    "STATE": (sparkplug.read,),
    "spBv1.0": (sparkplug.read,),
    "zigbee2mqtt": (zigbee2mqtt.read,),
    "shellies": (shelly2.read, shelly1.read),
    "homeassistant": (homeassistant.read, statestream.read),
    "statestream": (statestream.read,),
    "homie": (homie.read,),
    "frigate": (frigate.read,),
    "nut2mqtt": (nut.read,),
    "nut": (nut.read,),
    "ups": (nut.read,),
    "glances": (glances.read,),
    "telegraf": (telegraf.read,),
    "psmqtt": (psmqtt.read,),
    "rpi-MQTT-monitor": (rpimonitor.read,),
    "rpi-mqtt-monitor": (rpimonitor.read,),
    "valetudo": (valetudo.read,),
    "wled": (wled.read,),
    "msh": (meshtastic.read,),
    "owntracks": (owntracks.read,),
    "rtl_433": (rtl433.read,),
    "N": (victron.read,),
    "R": (victron.read,),
    "W": (victron.read,),
    "zwave": (zwavejs.read,),
    "zwavejs": (zwavejs.read,),
    "zwavejs2mqtt": (zwavejs.read,),
    "evcc": (evcc.read,),
}
"""By the topic's first level."""
BY_SHAPE: Final[tuple[Read, ...]] = (
    homeassistant.read,
    tasmota.read,
    shelly2.read,
    openmqttgateway.read,
    collectd.read,
    statestream.read,
    esphome.read,
    zigbee2mqtt.read,
    gadgets.anavi,
    gadgets.awtrix,
    gadgets.esp_ecu,
    owntracks.read,
    wled.read,
    telegraf.read,
)
"""For topics whose first level says nothing, and those that their own dialect does not know."""


def readers_of(root: str) -> tuple[Read, ...]:
    """Returns the dialects to ask about topics whose first level is ``root``, the first that knows the message counts."""
    return (*BY_ROOT.get(root, ()), *BY_SHAPE, generic.read)
