"""Shelly, second generation and later: ``<prefix>/events/rpc``, ``<prefix>/status/<component>:<id>``, ``<prefix>/online``.

`NotifyStatus` holds only what has changed. Null stands where there is no reading and for a clock that was never set.
A BTHome sensor's value has neither unit nor quantity: only whoever paired it knows.
"""

from __future__ import annotations

from typing import Any, Final

from coordinator.dialects.interpretation import Interpretation, Kind
from coordinator.dialects.leaves import Meaning, Step, read_all
from coordinator.dialects.message import Message
from coordinator.dialects.times import seconds_in
from coordinator.dialects.vocabulary import names, vocabulary

NAME: Final = "shelly-gen2"
_G, _C, _S, _X, _E, _T = Kind.GAUGE, Kind.COUNTER, Kind.STATE, Kind.CONFIG, Kind.EVENT, Kind.TIMESTAMP
_NOTIFY: Final = frozenset({"NotifyStatus", "NotifyFullStatus", "NotifyEvent"})
_COMPONENTS: Final = names(
    "switch input light cover sys wifi mqtt cloud eth ble bthome bthomedevice bthomesensor temperature "
    "humidity devicepower em em1 emdata em1data pm1 voltmeter smoke flood script ws ui rgb rgbw cct "
    "thermostat illuminance knx modbus plugs_ui wd_ui schedule boolean number text enum group button object "
    "presence service matter presencezone camera blutrv"
)
_KEYS: Final = vocabulary(
    {
        ("s", _T): ("ts minute_ts last_updated_ts unixtime last_sync_ts timer_started_at move_started_at last_seen_ts"),
        (None, _T): "time",
        ("W", _G): "apower act_power total_act_power power instantaneous_power",
        ("VA", _G): "aprtpower aprt_power total_aprt_power",
        ("A", _G): "total_current n_current current",
        ("var", _G): "rpower",
        ("V", _G): "voltage V",
        ("Hz", _G): "freq",
        (None, _G): "pf white overshoot xpercent xcounts xfreq xtotal",
        ("%", _G): "percent battery rh brightness current_pos slat_pos current_humidity",
        ("C", _G): "tC current_C",
        ("F", _G): "tF current_F",
        ("lx", _G): "lux",
        (None, _S): (
            "illumination output state source present alarm mute last_direction connected running "
            "restart_required status"
        ),
        ("K", _G): "ct",
        ("%", _S): "target_pos",
        (None, _X): ("pos_control reset_reason id tag src dst method mac sta_ip ssid bssid component name ip addr ver"),
        ("C", _X): "target_C",
        ("F", _X): "target_F",
        ("%", _X): "target_humidity",
        ("s", _X): "timer_duration move_timeout wakeup_period utc_offset",
        ("s", _C): "uptime on_time on_above_thr",
        ("B", _X): "ram_size fs_size",
        ("B", _G): "ram_free ram_min_free fs_free mem_used mem_free mem_peak",
        ("dBm", _G): "rssi",
        (None, _C): "cfg_rev kvs_rev schedule_rev webhook_rev knx_rev btrelay_rev bthc_rev switch_on packet_id",
        (None, _E): "event",
        ("Wh", _C): "total_act total_act_ret total_act_energy total_act_ret_energy",
        ("varh", _C): "lag_react_energy lead_react_energy",
    }
)


def read(message: Message) -> Interpretation | None:
    """Returns what a message means if it is a later Shelly's."""
    levels, value = message.levels, message.value
    if levels[-2:] == ["events", "rpc"] and len(levels) > 2:
        if not isinstance(value, dict) or value.get("method") not in _NOTIFY:
            return None
        device = "/".join(levels[:-2])
        message.memory.bases[NAME, device] = True
        return _notification(message, device)
    if (
        levels[-1] == "rpc"
        and isinstance(value, dict)
        and "result" in value
        and str(value.get("src")).startswith("shelly")
    ):
        return _answer(message, value)  # to whoever asked, on a topic of theirs
    if len(levels) > 2 and levels[-2] == "status" and levels[-1].partition(":")[0] in _COMPONENTS:
        device = "/".join(levels[:-2])
        if not isinstance(value, dict) and not message.unreadable and not message.empty:
            return None
        message.memory.bases[NAME, device] = True
        return _status(message, _short(device), levels[-1])
    if levels[-1] == "online" and message.payload in (b"true", b"false") and _is_one(message):
        return message.liveness(NAME, _short("/".join(levels[:-1])))
    return None


def _short(device: str) -> str:
    return device.removeprefix("shellies/")


def _is_one(message: Message) -> bool:
    """Whether a topic of a device that is online is of this generation: it has spoken, or is named as it left the factory."""
    device = "/".join(message.levels[:-1])
    factory = len(message.levels) == 2 and message.levels[0].startswith("shelly")
    return factory or (NAME, device) in message.memory.bases


def _status(message: Message, device: str, topic: str) -> Interpretation:
    if message.empty:
        return message.deletion(NAME, device)
    component = topic.partition(":")[0]
    result = message.about(NAME, device)
    result.readings = read_all(message.value, lambda steps, found: _meaning((component, *steps), found))
    result.measured = seconds_in(message.value.get("last_updated_ts")) if isinstance(message.value, dict) else None
    return result


def _notification(message: Message, device: str) -> Interpretation:
    value: dict[str, Any] = message.value
    result = message.about(NAME, _short(device))
    result.readings = read_all(value, _meaning)
    params = value.get("params")
    result.measured = seconds_in(params.get("ts")) if isinstance(params, dict) else None
    return result


def _answer(message: Message, value: dict[str, Any]) -> Interpretation:
    result = message.about(NAME, str(value["src"])[:100])
    result.readings = read_all(value, _meaning)
    return result


def _meaning(steps: tuple[Step, ...], found: Any) -> Meaning:
    names = [step for step in steps if isinstance(step, str)]
    key, above = names[-1], names[-2] if len(names) > 1 else ""
    component = next((name.partition(":")[0] for name in names if name.partition(":")[0] in _COMPONENTS), "")
    if key.endswith("_rst_ts") or (key.endswith("_ts") and key not in _KEYS):
        return "s", _T
    if key == "by_minute":
        return "mWh", _G
    if key == "total":
        return ("Wh" if above in ("aenergy", "ret_aenergy") else None), _C
    if component in ("bthomesensor", "number") and key == "value":
        return None, _S if isinstance(found, bool) else _G
    if component in ("boolean", "text", "enum", "camera") and key == "value":
        return None, _S
    if component == "switch" and above == "temperature":
        return _KEYS.get(key)
    if above in ("available_updates", "stable", "beta"):
        return None, _X
    for start in ("a_", "b_", "c_"):  # phases of a three-phase meter
        if key.startswith(start):
            key = key.removeprefix(start)
    if component in ("emdata", "em1data") and key.endswith("energy"):
        return ("varh" if "react" in key else "Wh"), _C
    told = _KEYS.get(key)
    if told:
        return told
    return None, (_S if isinstance(found, bool | str) else _G)
