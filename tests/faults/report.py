"""What a run of fault schedules says as JSON: its rows, one for each schedule, and the document of ``--json``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import msgspec

SCHEMA: Final = Path(__file__).parents[2] / "docs" / "schemas" / "tools" / "faults.json"


class Row(msgspec.Struct, kw_only=True):
    """One schedule.

    Attributes:
        seed: by which it can be played again.
        broker: ``mosquitto`` or ``embedded``.
        faults: how many of each kind.
        left_out: those that this machine does not allow, as mounts.
        moves: that came to an end.
        messages: that devices sent.
        lost: messages that should have changed a state and did not.
        doubled: messages that changed a state twice.
        lost_by_broker: that a killed broker had accepted and forgot.
        split_brain_outputs: outputs of two copies, or of a state that was rolled back.
        stuck: functions that did not come to an end.
        breached: whether a guarantee was.
        words: what is wrong.
        seconds: that it took.
    """

    seed: int
    broker: str
    faults: dict[str, int]
    left_out: dict[str, int]
    moves: int
    messages: int
    lost: int
    doubled: int
    lost_by_broker: int
    split_brain_outputs: int
    stuck: int
    breached: bool
    words: list[str]
    seconds: float


class Report(msgspec.Struct, kw_only=True):
    """All schedules of a run; counts are sums, ``breaches`` the rows of those in which a guarantee was broken."""

    schedules: int
    faults: int
    moves: int
    messages: int
    lost: int
    doubled: int
    lost_by_broker: int
    split_brain_outputs: int
    stuck: int
    seconds: float
    breaches: list[Row]
    kinds: dict[str, int]
    left_out: dict[str, int]


def schema() -> bytes:
    """Returns the JSON Schema (draft 2020-12) of the document, as it stands in `SCHEMA`."""
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "python -m tests.faults --json",
        **msgspec.json.schema(Report),
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


if __name__ == "__main__":
    sys.exit(0 if SCHEMA.write_bytes(schema()) else 1)
