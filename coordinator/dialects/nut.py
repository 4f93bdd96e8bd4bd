"""UPSes through NUT: ``<base>/<host>/<ups>/<variable>`` with NUT's names, a dot written as a slash or as it is.

`ups.status` is a set of flags: ``OL`` on mains, ``OB`` on battery, ``LB`` battery low, ``RB`` replace it. -1 means that a timer
does not run or that a value is not known. The bridge has no will: its ``online`` stays when it crashes.
"""

from __future__ import annotations

from typing import Final

from coordinator.dialects.interpretation import Interpretation, Kind, Reading, Signal
from coordinator.dialects.leaves import each, nothing_if, read_all
from coordinator.dialects.message import Message
from coordinator.dialects.vocabulary import names, vocabulary
from coordinator.dialects.words import signal_in

NAME: Final = "nut"
_G, _C, _S, _X, _E = Kind.GAUGE, Kind.COUNTER, Kind.STATE, Kind.CONFIG, Kind.EVENT
_GROUPS: Final = names("battery ups input output device driver outlet ambient server")
_VARIABLES: Final = vocabulary(
    {
        ("%", _G): "battery.charge battery.charge.approx ups.load ups.efficiency input.load ambient.humidity",
        ("V", _G): "battery.voltage input.voltage input.voltage.minimum input.voltage.maximum output.voltage",
        ("A", _G): "battery.current input.current output.current outlet.current",
        ("C", _G): "battery.temperature ups.temperature ambient.temperature",
        ("s", _G): "battery.runtime ups.timer.shutdown ups.timer.start ups.timer.reboot",
        (None, _X): "battery.packs ups.time ups.date input.sensitivity",
        ("Ah", _X): "battery.capacity",
        (None, _S): (
            "battery.status battery.charger.status ups.status ups.alarm ups.beeper.status ups.test.result "
            "input.transfer.reason outlet.switchable outlet.status"
        ),
        ("V", _X): (
            "battery.voltage.nominal battery.voltage.low battery.voltage.high input.voltage.nominal "
            "input.transfer.low input.transfer.high output.voltage.nominal"
        ),
        ("%", _X): "battery.charge.low battery.charge.warning battery.charge.restart",
        ("s", _X): "battery.runtime.low ups.delay.shutdown ups.delay.start ups.delay.reboot",
        ("VA", _G): "ups.power input.power output.power outlet.power",
        ("VA", _X): "ups.power.nominal",
        ("W", _G): "ups.realpower input.realpower output.realpower outlet.realpower",
        ("W", _X): "ups.realpower.nominal",
        ("Hz", _G): "input.frequency output.frequency",
        ("Hz", _X): "input.frequency.nominal output.frequency.nominal",
        (None, _G): "output.powerfactor",
        ("s", _C): "device.uptime",
    }
)
_LAST: Final = vocabulary(
    {
        ("V", _G): "voltage",
        ("A", _G): "current",
        ("Hz", _G): "frequency",
        ("W", _G): "realpower",
        ("VA", _G): "power",
        ("C", _G): "temperature",
        ("%", _G): "humidity load",
        (None, _S): "status",
        (None, _X): "nominal",
    }
)


def read(message: Message) -> Interpretation | None:
    """Returns what a message means if it is of a NUT bridge."""
    levels = message.levels
    if levels[0] == "nut2mqtt":
        if levels[1:] == ["bridge", "state"]:
            return message.liveness(NAME, "nut2mqtt")
        start = 2 if levels[1:2] == ["hosts"] else 1
    elif levels[0] in ("nut", "ups"):
        start = 1
    else:
        return None
    rest = levels[start:]
    place = next(
        (
            n
            for n in range(1, min(len(rest), 3))
            if rest[n].partition(".")[0] in _GROUPS and (n > 1 or len(rest) == 2 or rest[2] not in _GROUPS)
        ),
        None,
    )
    if place is None and len(rest) > 2 and rest[1] in _GROUPS and rest[2] in _GROUPS:
        place = 2  # the UPS itself is called ups, as it mostly is
    if place is None:
        return _other(message, rest)
    device, variable = "/".join(rest[:place]), ".".join(rest[place:])
    bridge = "nut2mqtt" if levels[0] == "nut2mqtt" else ""
    return _variable(message, device, variable, bridge)


def _other(message: Message, rest: list[str]) -> Interpretation:
    device = "/".join(rest[:2])
    if message.empty:
        return message.deletion(NAME, device)
    if isinstance(message.value, dict):
        result = message.about(NAME, device)
        result.readings = read_all(message.value, lambda steps, _: _meaning(".".join(map(str, steps))))
        return result
    if (
        rest[-1:] in (["state"], ["status"], ["available"], ["availability"])
        and signal_in(message.value) is not Signal.UNKNOWN
    ):
        return message.liveness(NAME, device)
    flags = _flags(message.text)
    result = message.alone(NAME, device, None, _S if flags else _X)
    result.readings |= flags
    return result


def _variable(message: Message, device: str, variable: str, bridge: str) -> Interpretation:
    if message.empty:
        return message.deletion(NAME, device, bridge=bridge)
    unit, kind = _meaning(variable)
    if kind is _X and unit is None:
        return message.word(NAME, device, _X, bridge=bridge)  # 03.08.0018 and 7 are both a firmware's version
    result = message.alone(NAME, device, unit, kind, bridge=bridge)
    if variable == "ups.status":
        result.readings |= _flags(message.text)
    elif unit in ("s", "%"):
        result.readings = each(result.readings, _known)
    return result


def _known(read_: Reading) -> Reading:
    return nothing_if(read_, "-1 means that no timer runs, or that it is not known", -1)


def _meaning(variable: str) -> tuple[str | None, Kind]:
    known = _VARIABLES.get(variable)
    if known:
        return known
    group, _, last = variable.rpartition(".")
    if last.isdecimal():
        return _meaning(group)
    if group.partition(".")[0] in ("input", "output", "outlet", "ambient", "battery") and last in _LAST:
        return _LAST[last]
    return None, _X


def _flags(text: str) -> dict[str, Reading]:
    """The most wanted of the flags as states of their own; where there are no flags nothing is known."""
    flags = set(text.upper().split())
    if not flags.intersection(("OL", "OB", "LB", "RB", "CHRG", "DISCHRG", "BYPASS", "OFF", "FSD", "ALARM")):
        return {}
    named = {"on_battery": "OB", "low_battery": "LB", "replace_battery": "RB", "charging": "CHRG"}
    return {path: Reading(flag in flags, None, _S) for path, flag in named.items()}
