"""Whether a hub that gives everything away is empty, so that it may be switched off: only it knows."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Literal

from devices.hub.life import Life
from devices.protocol.messages import InstanceStateName

_AT_REST: Final[frozenset[InstanceStateName]] = frozenset({"suspended", "failed"})


def stage(lives: Collection[Life], now: str) -> Literal["draining", "drained"]:
    """Returns how far a hub is.

    It is drained when nothing runs and every newest state is where a failover will look for it. What a suspended function
    hears from then on does not change that: while a hub is drained the broker keeps it until the store has it.

    Args:
        lives: all that are here.
        now: the state that the hub tells now.
    """
    instances = [life.instance for life in lives]
    if any(instance.state not in _AT_REST or instance.worker is not None for instance in instances):
        return "draining"
    if any(life.ahead.owes for life in lives):
        return "draining"
    durable = all(it.durable == it.header.checkpoint for it in instances if it.state == "suspended")
    return "drained" if durable or now == "drained" else "draining"
