"""What is answered about triggers, as typed structs like those of `coordinator.views.answers`."""

from __future__ import annotations

from typing import Literal

import msgspec

from devices.protocol.messages import InstanceStateName


class TriggerRow(msgspec.Struct, kw_only=True):
    """``triggers``: one function that something starts, and its runs."""

    trigger: str
    function: str
    state: Literal["active", "suspended"]
    since: str
    starts: str  # what starts it, in words
    on: list[str] = []  # topic filters
    every: float = 0.0  # seconds
    at: list[str] = []
    cron: str = ""
    mode: Literal["single", "restart", "queued", "parallel"] = "queued"
    limit: int = 0  # 0: as the mode has it
    due: str = ""  # RFC 3339; empty: no time starts it
    catch_up: Literal["run", "skip", "continue"] = "run"
    running: list[str] = []  # instances
    waiting: int = 0  # starts that wait for their turn
    waits_for: str = ""  # why the next one does not begin, if something is in its way
    started: int = 0  # runs so far
    failed: int = 0
    ignored: int = 0  # starts that its mode left out
    dropped: int = 0  # starts for which there was no room
    missed: int = 0  # times at which the coordinator was not there
    note: str = ""  # what became of those
    last: str = ""  # the last run's instance
    last_state: InstanceStateName | None = None
    last_since: str = ""
    last_reason: str = ""
    hub: str = ""  # where its runs are to be; empty: placement decides
    declared: str = ""  # the folder whose `functions.toml` it belongs to; empty: started by hand
