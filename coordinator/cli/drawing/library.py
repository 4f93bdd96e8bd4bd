"""Objects of the standard library with a state of their own, and what the runtime gives a function."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

from coordinator.cli.drawing.pen import Draw, Drawn, Pen
from devices.runtime.python.values.nodes import Tag

_PARTS: Final = 8  # of a union


def _pattern(pen: Pen, fields: list[Any]) -> Drawn:
    pattern, flags = fields
    given = re.RegexFlag(flags & ~re.UNICODE)
    return Drawn("Pattern", f"re.compile({pen.value(pattern)}{f', {given!r}' if given else ''})")


def _match(pen: Pen, fields: list[Any]) -> Drawn:
    pattern, string, _, _, spans, _ = fields
    return Drawn("Match", f"<Match of {pen.value(pattern)} in {pen.value(string)} at {pen.value(pen.node(spans)[1])}>")


def _random(_: Pen, __: list[Any]) -> Drawn:
    return Drawn("Random", "<Random with its state>")


def _system_random(_: Pen, __: list[Any]) -> Drawn:
    return Drawn("SystemRandom", "SystemRandom()")


def _text_file(pen: Pen, fields: list[Any]) -> Drawn:
    if not fields:
        return Drawn("StringIO", "<StringIO, closed>")
    value, _, position, _ = fields
    return Drawn("StringIO", f"<StringIO at {pen.value(position)} of {pen.value(value)}>")


def _bytes_file(pen: Pen, fields: list[Any]) -> Drawn:
    if not fields:
        return Drawn("BytesIO", "<BytesIO, closed>")
    value, position, _ = fields
    return Drawn("BytesIO", f"<BytesIO at {pen.value(position)} of {pen.value(value)}>")


def _decimal_context(pen: Pen, fields: list[Any]) -> Drawn:
    precision, rounding, *_ = fields
    return Drawn("Context", f"Context(prec={pen.value(precision)}, rounding={pen.value(rounding)})")


def _struct_sequence(pen: Pen, fields: list[Any]) -> Drawn:
    name, visible, _ = fields
    return Drawn(name.rpartition(".")[2], f"{name}{pen.value(visible)}")


def _alias(pen: Pen, fields: list[Any]) -> Drawn:
    origin, arguments = fields
    tag, *parts = pen.node(arguments)
    return Drawn("GenericAlias", f"{pen.value(origin)}[{pen.items(parts) if tag == Tag.TUPLE else '...'}]")


def _union(pen: Pen, fields: list[Any]) -> Drawn:
    parts = ["None" if pen.class_name(part) == "NoneType" else pen.value(part) for part in fields[:_PARTS]]
    more = [f"... {len(fields) - _PARTS} more"] if len(fields) > _PARTS else []
    return Drawn("UnionType", " | ".join([*parts, *more]) or "<union>")


def _weak(pen: Pen, fields: list[Any]) -> Drawn:
    (target,) = fields
    return Drawn("weakref", "<weakref, dead>" if target is None else f"<weakref to {pen.value(target)}>")


def _logger(pen: Pen, fields: list[Any]) -> Drawn:
    (name,) = fields
    return Drawn("Logger", f"Logger({pen.text(name)})")


def _struct(pen: Pen, fields: list[Any]) -> Drawn:
    (code,) = fields
    return Drawn("Struct", f"Struct({pen.text(code)})")


def _lock(_: Pen, fields: list[Any]) -> Drawn:
    (held,) = fields
    return Drawn("Lock", f"<Lock, {'held' if held else 'free'}>")


def _rlock(_: Pen, fields: list[Any]) -> Drawn:
    (times,) = fields
    return Drawn("RLock", f"<RLock, held {times:d} times>" if times else "<RLock, free>")


def _event(_: Pen, fields: list[Any]) -> Drawn:
    (is_set,) = fields
    return Drawn("Event", f"<Event, {'set' if is_set else 'not set'}>")


def _condition(pen: Pen, fields: list[Any]) -> Drawn:
    return Drawn("Condition", f"<Condition of {pen.value(fields[0])}>")


def _semaphore(_: Pen, fields: list[Any]) -> Drawn:
    left, most = fields
    return Drawn("Semaphore", f"<Semaphore, {left:d} left{'' if most is None else f' of {most:d}'}>")


def _registered(pen: Pen, fields: list[Any]) -> Drawn:
    """Draws what the runtime gives a function: a message, a subscription, a file, an error."""
    tag, state = fields
    match tag, pen.node(state) if isinstance(state, list) else None:
        case "message", [Tag.LIST, topic, payload, int() | float() as at, *_]:
            moment = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
            return Drawn("Message", f"Message({pen.value(topic)}, {pen.value(payload)}, {moment})")
        case "file-text", [Tag.TUPLE, below, *_, position]:
            stands = "closed" if position is None else f"at {pen.value(position)}"
            return Drawn("file", f"<text of {pen.value(below)}, {stands}>")
        case str(kind), [Tag.TUPLE, path, way, position, _] if kind.startswith("file-"):
            stands = "closed" if position is None else f"at {pen.value(position)}"
            return Drawn("file", f"<file {pen.value(path)}, {way!r}, {stands}>")
        case "subscription", [Tag.TUPLE, _, filters, keep, is_open]:
            options = [pen.items(pen.node(filters)[1:]), f"keep={pen.value(keep)}" if keep != "all" else ""]
            said = ", ".join(filter(None, [*options, "" if is_open else "closed"]))
            return Drawn("Subscription", f"Subscription({said})")
        case _, [Tag.RECORD, *named]:
            return Drawn(tag, f"{tag}({pen.attributes(named)})")
    return Drawn(tag, f"{tag}({pen.value(state)})")


DRAWINGS: Final[dict[Any, Draw]] = {
    "pattern": _pattern,
    "match": _match,
    "random": _random,
    "system-random": _system_random,
    "text-file": _text_file,
    "bytes-file": _bytes_file,
    "decimal-context": _decimal_context,
    "struct-sequence": _struct_sequence,
    "alias": _alias,
    "union": _union,
    "weak": _weak,
    "logger": _logger,
    "struct": _struct,
    "lock": _lock,
    "rlock": _rlock,
    "event": _event,
    "condition": _condition,
    "semaphore": _semaphore,
    "registered": _registered,
}
