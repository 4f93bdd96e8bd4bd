"""Properties of MQTT 5 packets (section 2.2.2), in and out of paho's untyped class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

CONNECT = PacketTypes.CONNECT
PUBLISH = PacketTypes.PUBLISH
SUBSCRIBE = PacketTypes.SUBSCRIBE


def properties_for(packet: int, **values: object) -> Properties | None:
    """Returns the properties of a packet to send; a value of ``None`` is left out, and without any there are none.

    Args:
        packet: `CONNECT`, `PUBLISH` or `SUBSCRIBE`.
        values: by the standard's names without blanks, as ``SessionExpiryInterval=0``.
    """
    given = {name: value for name, value in values.items() if value is not None}
    if not given:
        return None
    properties = Properties(packet)  # type: ignore[no-untyped-call]
    for name, value in given.items():
        setattr(properties, name, value)
    return properties


def properties_in(properties: Properties | None) -> Mapping[str, Any]:
    """Returns the properties of a packet that came, by the same names.

    paho keeps them as attributes beside its own tables; asking for each by `getattr` costs more than all the rest of
    a message.
    """
    return {} if properties is None else vars(properties)


def packed_size(properties: Properties | None) -> int:
    """Returns the bytes that the properties take in a packet."""
    return 1 if properties is None else len(properties.pack())  # type: ignore[no-untyped-call]
