"""What a hub tells on its own machine, where no coordinator and no broker need be there."""

from __future__ import annotations

import msgspec


class LocalInstance(msgspec.Struct, kw_only=True):
    """One function on this hub."""

    instance: str
    function: str
    state: str
    since: str  # of the state
    epoch: int
    reason: str = ""
    line: str = ""
    waiting: str = ""  # for what, until when, in words
    text: str = ""  # the author's `ctx.status`
    lag: int = 0  # unread messages here
    checkpoint: str = ""  # the newest one in the spool
    ahead: str = ""  # since when it goes on ahead of the coordinator's store, which is away
    stored: bool = False  # whether it is where a failover looks for it


class LocalHub(msgspec.Struct, kw_only=True):
    """``ps --local``: a hub, as it says itself."""

    hub: str
    state: str  # "online", "draining", "drained"; "not running", as its spool shows it
    broker: bool = False  # whether it is connected
    coordinator: bool = False  # whether it is online, as far as the hub has heard
    reason: str = ""  # in words
    instances: list[LocalInstance] = []
