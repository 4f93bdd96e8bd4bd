"""Meshtastic: ``msh/[<region>/...]2/json/<channel>/!<gateway>``; below ``2/e`` and ``2/c`` protobuf, mostly encrypted.

One packet comes through every gateway that heard it: the same `from` and `id`. A battery of 101 % means mains, and then the
voltage is worthless. Numbers were 32 bits wide; node ids are signed in old firmware.
"""

from __future__ import annotations

from typing import Any, Final

from coordinator.dialects.interpretation import Interpretation, Kind, Reading
from coordinator.dialects.leaves import Meaning, Step, read_all, without_noise
from coordinator.dialects.message import Message
from coordinator.dialects.quantities import named
from coordinator.dialects.times import seconds_in
from coordinator.dialects.vocabulary import vocabulary

NAME: Final = "meshtastic"
_G, _C, _S, _X, _E = Kind.GAUGE, Kind.COUNTER, Kind.STATE, Kind.CONFIG, Kind.EVENT
_KEYS: Final = vocabulary(
    {
        ("%", _G): "battery_level air_util_tx channel_utilization relative_humidity soil_moisture",
        ("V", _G): "voltage",
        ("s", _C): "uptime_seconds",
        ("C", _G): "temperature soil_temperature",
        ("hPa", _G): "barometric_pressure",
        ("MOhm", _G): "gas_resistance",
        (None, _G): "iaq sats_in_view PDOP hops_away num_online_nodes num_total_nodes",
        ("mm", _G): "distance rainfall_1h rainfall_24h",
        ("lx", _G): "lux white_lux ir_lux uv_lux",
        ("deg", _G): "wind_direction ground_track",
        ("m/s", _G): "wind_speed wind_gust wind_lull ground_speed",
        ("kg", _G): "weight",
        ("uR/h", _G): "radiation",
        ("mA", _G): "current",
        ("1e-7 deg", _G): "latitude_i longitude_i",
        ("m", _G): "altitude",
        (None, _X): "precision_bits hop_start",
        ("s", Kind.TIMESTAMP): "time timestamp",
        ("dBm", _G): "rssi",
        ("dB", _G): "snr",
        (None, _E): "text",
        (None, _C): "num_packets_tx num_packets_rx num_packets_rx_bad num_rx_dupe num_tx_relay",
    }
)
_PARTICULATE: Final = "pm"


def read(message: Message) -> Interpretation | None:
    """Returns what a message means if it is Meshtastic's."""
    levels = message.levels
    place = next(
        (
            n
            for n, level in enumerate(levels[:-1])
            if level in ("2", "1") and levels[n + 1] in ("json", "e", "c", "stat", "map")
        ),
        None,
    )
    if place is None or (levels[0] != "msh" and not levels[-1].startswith("!")):
        return None
    branch, gateway = levels[place + 1], levels[-1]
    if message.empty:
        return message.deletion(NAME, gateway)
    if branch == "stat":
        return message.liveness(NAME, gateway)
    if branch != "json":
        packet = Reading("protobuf ServiceEnvelope", None, _E, "binary, and encrypted in most networks: no number")
        return Interpretation(NAME, gateway, {"": packet})
    return _json(message, gateway)


def _json(message: Message, gateway: str) -> Interpretation:
    value = message.value
    sender = value.get("from") if isinstance(value, dict) else None
    device = f"!{sender & 0xFFFFFFFF:08x}" if isinstance(sender, int) and not isinstance(sender, bool) else gateway
    result = message.about(NAME, device, bridge=gateway if device != gateway else "")
    result.readings = {path: without_noise(read_) for path, read_ in read_all(value, _meaning).items()}
    _without_mains(result.readings)
    if not isinstance(value, dict):
        return result
    packet = (NAME, sender, value.get("id"))
    if all(isinstance(part, int | str) for part in packet) and packet[2]:
        if packet in message.memory.packets:
            result.stale = "a packet that another gateway has brought already"
        message.memory.packets[packet] = message.at
    result.measured = seconds_in(value.get("timestamp"))
    return result


def _without_mains(readings: dict[str, Reading]) -> None:
    level = readings.get("payload.battery_level")
    if level is None or not isinstance(level.value, int | float) or level.value <= 100:
        return
    why = "more than 100 % means that it is on external power"
    readings["payload.battery_level"] = level._replace(value=None, why=why, raw=str(level.value))
    voltage = readings.get("payload.voltage")
    if voltage is not None and isinstance(voltage.value, int | float) and voltage.value <= 0:
        meaningless = "on external power the battery's voltage means nothing"
        readings["payload.voltage"] = voltage._replace(value=None, why=meaningless, raw=str(voltage.value))


def _meaning(steps: tuple[Step, ...], found: Any) -> Meaning:
    key = str(steps[-1]) if steps else ""
    if steps == ("type",) or (len(steps) == 1 and key == "payload"):
        return None, _E
    if key in _KEYS:
        return _KEYS[key]
    if steps[:1] != ("payload",):
        return None, _X
    if key.startswith(_PARTICULATE):
        return "ug/m3", _G
    if key.startswith("voltage_ch") or (key.startswith("ch") and "voltage" in key):
        return "V", _G
    if key.startswith("current_ch") or (key.startswith("ch") and "current" in key):
        return "mA", _G
    if isinstance(found, str | bool):
        return None, _X
    return named(key) or (None, _X)
