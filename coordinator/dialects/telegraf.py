"""Telegraf: ``telegraf/<host>/<plugin>[/<field>]`` in Influx line protocol, JSON with fields and tags, or one field a topic.

Lines of several series share a topic (a line a processor core), and several lines a message. What tells them apart are
the tags beside the host.
"""

from __future__ import annotations

import re
from typing import Any, Final

from coordinator.dialects.influx import InfluxError, Line, lines_in
from coordinator.dialects.interpretation import Interpretation, Kind, Reading
from coordinator.dialects.leaves import MOST, path_of, read_all, reading
from coordinator.dialects.message import Message
from coordinator.dialects.quantities import named
from coordinator.dialects.times import seconds_in
from coordinator.dialects.vocabulary import names

NAME: Final = "telegraf"
_G, _C, _S, _X = Kind.GAUGE, Kind.COUNTER, Kind.STATE, Kind.CONFIG
_COUNTERS: Final = re.compile(
    r"(?:bytes|packets|err|drop)_(?:recv|sent|in|out)|reads|writes|(?:read|write)_(?:bytes|time)|io_time|weighted_io_time|uptime|interrupts|context_switches|processes_forked|in|out|merged_(?:reads|writes)|.*_total"
)
_BYTES: Final = names(
    "total used free available cached buffered active inactive shared slab dirty mapped wired read_bytes "
    "write_bytes bytes_recv bytes_sent in out swap_cached swap_free swap_total committed_as commit_limit"
)
_IN_BYTES: Final = frozenset({"mem", "swap", "disk", "net", "diskio", "docker_container_mem"})


def read(message: Message) -> Interpretation | None:
    """Returns what a message means if it is Telegraf's, or Influx line protocol on any topic."""
    levels = message.levels
    ours = levels[0] == NAME and len(levels) > 2
    if not ours and not _looks_like_lines(message):
        return None
    host = levels[1] if ours else ""
    if message.empty:
        return message.deletion(NAME, host)
    value = message.value
    if isinstance(value, dict):
        return _json(message, host, value)
    if isinstance(value, str) and " " in value:
        return _lines(message, host)
    if not ours:
        return None
    plugin, field = (levels[2], levels[-1]) if len(levels) > 3 else ("", levels[-1])
    return message.alone(NAME, host, *_meaning(plugin, field, value))


_LINE: Final = re.compile(rb"[A-Za-z_][\w.:-]*(?:,[^\s,=]+=[^\s,]+)+ [^\s=,]+=[^\s]+(?:\s-?\d{10,19})?\s*(?:\n|$)")


def _looks_like_lines(message: Message) -> bool:
    return b"=" in message.payload and _LINE.match(message.payload[:4096]) is not None


def _lines(message: Message, host: str) -> Interpretation:
    result = message.about(NAME, host)
    try:
        lines = lines_in(message.text)
    except InfluxError as error:
        result.error = f"not Influx line protocol: {error}"
        return result
    if not lines:
        return result
    for index, line in enumerate(lines):
        for field, value in line.fields.items():
            if len(result.readings) < MOST:
                steps = (field,) if len(lines) == 1 else (index, field)
                result.readings[path_of(steps)] = _reading(line, field, value)
    first = lines[0]
    result.device = host or first.tags.get("host", "")
    result.measured = seconds_in(lines[-1].time) if lines[-1].time is not None else None
    if len(lines) == 1:
        result.part = ",".join(f"{key}={value}" for key, value in first.tags.items() if key != "host")
    return result


def _reading(line: Line, field: str, value: float | str | bool) -> Reading:
    unit, kind = _meaning(line.measurement, field, value)
    return reading(value, unit, kind)


def _json(message: Message, host: str, value: dict[str, Any]) -> Interpretation:
    result = message.about(NAME, host)
    plugin = value.get("name") if isinstance(value.get("name"), str) else message.levels[-1]

    def meaning(steps: tuple[str | int, ...], found: Any) -> tuple[str | None, Kind]:
        key = str(steps[-1])
        if key == "timestamp":
            return "s", Kind.TIMESTAMP
        if "fields" in steps:
            return _meaning(str(plugin), key, found)
        return None, _X

    result.readings = read_all(value, meaning)
    batch = value.get("metrics")
    last = batch[-1] if isinstance(batch, list) and batch else value
    if isinstance(last, dict):
        result.measured = seconds_in(last.get("timestamp"))
        tags = last.get("tags")
        if isinstance(tags, dict) and last is value:
            result.part = ",".join(
                f"{key}={tag}" for key, tag in tags.items() if key != "host" and isinstance(tag, str)
            )
    return result


def _meaning(plugin: str, field: str, value: object) -> tuple[str | None, Kind]:
    if isinstance(value, bool):
        return None, _S
    if isinstance(value, str) and not value.replace(".", "", 1).lstrip("-+").isdigit():
        return None, _S if value.casefold() != "nan" else _G
    if field.startswith("usage_") or field.endswith("percent") or field == "percent":
        return "%", _G
    if plugin == "system" and field == "uptime":
        return "s", _C
    if field.startswith("load"):
        return None, _G
    if plugin in ("sensors", "temp"):
        return ("C", _G) if field.startswith("temp") else (None, _G)
    in_bytes = plugin in _IN_BYTES or (plugin.endswith("mem") and field in _BYTES)
    if (plugin not in ("mem", "disk", "swap") and _COUNTERS.fullmatch(field)) or (
        plugin == "swap" and field in ("in", "out")
    ):
        return ("B" if "bytes" in field or (plugin == "swap") else "ms" if field.endswith("_time") else None), _C
    if in_bytes and field in _BYTES:
        return "B", _G
    if field.startswith(("n_", "num_", "inodes_")) or plugin in ("processes", "docker"):
        return None, _G
    return named(field) or (None, _G)
