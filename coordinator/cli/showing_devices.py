"""How devices and their readings look to a person: columns, cells and facts, without any printing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.text import Text

from coordinator.cli import wording
from coordinator.cli.render import Column
from coordinator.views.observed import DeviceRow, InterpretedMessage, ReadingRow
from devices.errors import printable

_STYLES: Final = {"online": "green", "offline": "bold red", "silent": "red", "inconsistent": "yellow", "asleep": "cyan"}
_WIDEST: Final = 60
"""Characters of a value in a table."""

DEVICE_COLUMNS: Final = (
    Column("device"),
    Column("dialect"),
    Column("is"),
    Column("heard", right=True),
    Column("readings", right=True),
    Column("because", flexible=True),
)


def device_cells(row: DeviceRow) -> list[Text | str]:
    """One row of `devices`."""
    return [
        _line(row.device),
        row.dialect,
        _liveness(row.liveness),
        wording.duration(row.heard),
        str(len(row.readings)),
        _line("; ".join(filter(None, (row.why, row.error and f"{row.unreadable} unreadable: {row.error}")))),
    ]


def device_facts(row: DeviceRow) -> Iterator[tuple[str, Text | str]]:
    """All about one device, but its readings."""
    yield "device", _line(row.device)
    yield "dialect", row.dialect
    yield "speaks through", _line(row.bridge)
    yield "is", _liveness(row.liveness) + Text(f": {_line(row.why)}")
    yield (
        "messages",
        f"{row.messages}" + (f", {row.unreadable} unreadable: {_line(row.error)}" if row.unreadable else ""),
    )
    yield "forgotten", f"{row.forgotten} readings: there are too many" if row.forgotten else ""
    yield (
        "looks like",
        f"{_line(row.same_as)}, spelt with other characters: two topics for one name?" if row.same_as else "",
    )


READING_COLUMNS: Final = (
    Column("topic", flexible=True),
    Column("path"),
    Column("value", right=True),
    Column("unit"),
    Column("kind"),
    Column("age", right=True),
    Column("note", flexible=True),
)


def reading_cells(row: ReadingRow) -> list[Text | str]:
    """One row of a device's readings."""
    age = wording.duration(row.age) if row.age is not None else "unknown"
    topic = f"{row.topic} ({row.part})" if row.part else row.topic
    raw = f"it said {row.raw!r}" if row.raw and row.value is None else ""
    note = "; ".join(filter(None, (row.why, raw)))
    return [_line(topic), _line(row.path), _value(row.value), row.unit or "", row.kind, age, _line(note)]


MESSAGE_COLUMNS: Final = (
    Column("topic", flexible=True),
    Column("dialect"),
    Column("device"),
    Column("path"),
    Column("value", right=True),
    Column("unit"),
    Column("kind"),
    Column("note", flexible=True),
)


def message_cells(row: InterpretedMessage) -> Iterator[list[Text | str]]:
    """The rows of one message: one a reading, or one that says why there is none."""
    about = [_line(row.topic), row.dialect, _line(row.device)]
    if row.error or not row.readings:
        yield [*about, "", "", "", "", _line(row.error or "it says nothing that is a reading")]
    for path, reading in row.readings.items():
        note = _line("; ".join(filter(None, (row.why.get(path, ""), row.stale))))
        yield [*about, _line(path), _value(reading.value), reading.unit or "", reading.kind, note]


def _liveness(word: str) -> Text:
    return Text(word, style=_STYLES.get(word, ""))


def _value(value: float | str | bool | None) -> str:
    if value is None:
        return wording.NOTHING
    return str(value).lower() if isinstance(value, bool) else _line(str(value), _WIDEST)


def _line(text: str, limit: int = 300) -> str:
    return printable(text, limit).replace("\n", " ").replace("\t", " ")
