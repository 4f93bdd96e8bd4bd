"""Sparkplug B: ``spBv1.0/<group>/<type>/<edge node>[/<device>]`` in protobuf, and the host's ``STATE``.

A birth binds numbers (aliases) to names; data may hold the numbers alone. An edge node's death is its will: it counts
only if its `bdSeq` is that of the last birth, because a broker may deliver an older session's will after the new birth.
`seq` runs from 0 to 255 and wraps; a jump means that a message was lost.
"""

from __future__ import annotations

from typing import Any, Final

from coordinator.dialects.interpretation import Interpretation, Kind, Reading, Signal
from coordinator.dialects.leaves import path_of, read_all
from coordinator.dialects.memory import Metric as Known
from coordinator.dialects.message import Message
from coordinator.dialects.protobuf import MalformedProtobufError
from coordinator.dialects.quantities import named, unit_named
from coordinator.dialects.sparkplug_payload import DATETIME, Metric, Payload, decode, value_of
from coordinator.dialects.times import seconds_in

NAME: Final = "sparkplug-b"
_G, _C, _S, _X, _E = Kind.GAUGE, Kind.COUNTER, Kind.STATE, Kind.CONFIG, Kind.EVENT
_TYPES: Final = frozenset({"NBIRTH", "NDEATH", "NDATA", "NCMD", "DBIRTH", "DDEATH", "DDATA", "DCMD"})
_SETTINGS: Final = ("properties/", "node info/", "device info/")


def read(message: Message) -> Interpretation | None:
    """Returns what a message means if it is Sparkplug's."""
    levels = message.levels
    if levels[0] == "STATE" and len(levels) == 2:
        return message.liveness(NAME, levels[1])
    if levels[0] not in ("spBv1.0", "spAv1.0"):
        return None
    if levels[1:2] == ["STATE"] and len(levels) == 3:
        return _host(message)
    if not 4 <= len(levels) <= 5 or levels[2] not in _TYPES:
        return None
    edge = f"{levels[1]}/{levels[3]}"
    device = f"{edge}/{levels[4]}" if len(levels) == 5 else edge
    result = Interpretation(NAME, device, bridge=edge if len(levels) == 5 else "")
    if message.empty:
        return message.deletion(NAME, device)
    try:
        payload = decode(message.payload)
    except MalformedProtobufError as error:
        result.error = f"no Sparkplug payload: {error}"
        result.sign_of_life = False
        return result
    _read_payload(message, levels[2], edge, payload, result)
    return result


def _host(message: Message) -> Interpretation:
    value = message.value
    if not isinstance(value, dict):
        return message.liveness(NAME, message.levels[2])
    result = message.liveness(NAME, message.levels[2], "online", value.get("online"))
    result.readings.update(
        read_all({k: v for k, v in value.items() if k != "online"}, lambda _, __: ("ms", Kind.TIMESTAMP))
    )
    result.measured = seconds_in(value.get("timestamp"))
    return result


def _read_payload(message: Message, sort: str, edge: str, payload: Payload, result: Interpretation) -> None:
    death, birth = sort.endswith("DEATH"), sort.endswith("BIRTH")
    for metric in payload.metrics:
        name, known = _name(message, metric, result.device, birth=birth)
        result.readings[path_of((name,))] = _reading(metric, name, known, sort)
    if payload.seq is not None:
        kind = Kind.LIVENESS if sort == "DDEATH" else _X
        result.readings["seq"] = Reading(payload.seq, None, kind)
    if payload.timestamp is not None:
        result.readings["timestamp"] = Reading(payload.timestamp, "ms", Kind.TIMESTAMP)
        result.measured = seconds_in(payload.timestamp)
    result.word = sort
    if sort.endswith("CMD"):
        result.sign_of_life = False
    elif death:
        result.sign_of_life = False
        _died(message, sort, edge, result)
    else:
        result.signal = Signal.UP if birth else None
        _follow(message, sort, edge, payload, result)
    if payload.metrics and all(metric.historical for metric in payload.metrics) and not death:
        result.stale = "it is marked as historical: kept by the device while it could not send"


def _name(message: Message, metric: Metric, device: str, *, birth: bool) -> tuple[str, Known | None]:
    """Returns a metric's name: its own, else that which the birth has bound to its number."""
    if metric.name:
        known = Known(metric.name, metric.datatype, unit_named(metric.unit) if metric.unit else None)
        if metric.alias is not None and birth:
            message.memory.metrics[device, metric.alias] = known
        return metric.name, known
    alias = metric.alias or 0
    found = message.memory.metrics.get((device, alias))
    return (found.name, found) if found else (f"alias {alias}", None)


def _reading(metric: Metric, name: str, known: Known | None, sort: str) -> Reading:
    datatype = metric.datatype or (known.datatype if known else 0)
    value, why = value_of(metric, datatype)
    if known is None:
        return Reading(value, None, _G, "its name comes with the device's birth, which has not been heard")
    unit, kind = _meaning(name, value, datatype)
    if sort == "NDEATH" and name == "bdSeq":
        kind = Kind.LIVENESS
    if sort.endswith("CMD"):
        kind = _E
    if metric.historical and not why:
        why = "historical: kept by the device while it could not send"
    return Reading(value, known.unit or unit, kind, why)


def _meaning(name: str, value: Any, datatype: int) -> tuple[str | None, Kind]:
    low = name.casefold()
    if datatype == DATETIME:
        return None, Kind.TIMESTAMP
    if name in ("bdSeq", "seq") or low.startswith(_SETTINGS):
        return None, _X
    if low.endswith(("scan rate", "poll rate")):
        return "ms", _X
    if isinstance(value, bool) or datatype == 11:
        return None, _S
    if isinstance(value, str) or datatype in (12, 14, 15):
        return None, _S
    return named(name.rpartition("/")[2]) or (None, _G)


def _died(message: Message, sort: str, edge: str, result: Interpretation) -> None:
    if sort == "DDEATH":
        result.signal = Signal.DOWN
        return
    of_birth = message.memory.sessions.get(edge)
    said = result.readings.get("bdSeq")
    if of_birth is not None and said is not None and said.value != of_birth:
        result.stale = f"the will of session {said.value}, delivered after the birth of session {of_birth}: ignored"
        return
    result.signal = Signal.DOWN


def _follow(message: Message, sort: str, edge: str, payload: Payload, result: Interpretation) -> None:
    """Looks whether a message between this one and the one before was lost, and notes an edge node's session."""
    if sort == "NBIRTH":
        session = result.readings.get("bdSeq")
        message.memory.sessions[edge] = session.value if session else -1
    if payload.seq is None:
        return
    before = message.memory.sequences.get(edge)
    message.memory.sequences[edge] = payload.seq
    if before is not None and sort != "NBIRTH" and payload.seq != (before + 1) % 256:
        read_ = result.readings["seq"]
        lost = f"{before} came before it: messages between them are lost, and what they changed is not known"
        result.readings["seq"] = read_._replace(why=lost)
