"""What hubs have been promised and their metrics do not show yet.

Metrics lag by seconds, and a function takes the memory that it needs later still. So from the choice of a hub on, what is
expected of a function counts there: as much as it asks for, or as it was last seen to use if that is more, until the
hub's own metrics have it. From then on what it asks for and does not use yet stays counted: it was promised that.

Time is an argument, in seconds of a clock that does not go backward (`time.monotonic`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from devices.protocol.messages import InstanceUse

LASTS: Final = 60.0
"""Seconds from the choice of a hub, and again from the end of the move, in which a function shows in its metrics. What it
asks for is known from the store for longer; a promise that nobody takes up must not last for ever."""


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes of memory and cores."""

    memory: int = 0
    cpu: float = 0.0


@dataclass(frozen=True, slots=True)
class Tenant:
    """A function that runs on a hub, or is on its way there, and what it asks for."""

    instance: str
    hub: str
    asks: Size
    priority: int = 0
    moving: bool = False


@dataclass(frozen=True, slots=True)
class Promise:
    """What a hub owes beside what its metrics show: bytes and cores; and how many functions it has or will have."""

    functions: int = 0
    memory: int = 0
    cpu: float = 0.0

    def with_one(self, size: Size) -> Promise:
        """Returns the promise with one more function."""
        return Promise(self.functions + 1, self.memory + size.memory, self.cpu + size.cpu)


NOTHING: Final = Promise()
Use = Callable[[str, str], InstanceUse | None]
"""What an instance uses on a hub, by the newest metrics; ``None``: it does not show there."""


@dataclass(frozen=True, slots=True)
class _Reservation:
    hub: str
    size: Size
    until: float


class Reservations:
    """The promises of this coordinator's life; what a function asks for is known from the store besides."""

    def __init__(self) -> None:
        self._reserved: dict[str, _Reservation] = {}

    def promise(self, key: str, hub: str, size: Size, at: float) -> None:
        """Promises a hub to a function, in place of what it was promised before.

        Args:
            key: the instance, or what stands for one that has no name yet.
            hub: that was chosen.
            size: that is expected.
            at: now.
        """
        self._reserved[key] = _Reservation(hub, size, at + LASTS)

    def named(self, key: str, instance: str) -> None:
        """Gives the instance its name."""
        if (reserved := self._reserved.pop(key, None)) is not None:
            self._reserved[instance] = reserved

    def release(self, key: str) -> None:
        """Takes a promise back: the function does not come."""
        self._reserved.pop(key, None)

    def arrived(self, key: str, hub: str, at: float) -> None:
        """Notes that a function runs where its move took it."""
        if (reserved := self._reserved.get(key)) is not None:
            self._reserved[key] = replace(reserved, hub=hub, until=at + LASTS)

    def promised(self, tenants: Iterable[Tenant], use: Use, at: float, but: str = "") -> dict[str, Promise]:
        """Returns what each hub owes.

        Args:
            tenants: all functions that run or are on their way.
            use: what metrics show of them.
            at: now.
            but: an instance that does not count: it is the one for which a place is sought.
        """
        self._reserved = {key: it for key, it in self._reserved.items() if it.until > at and use(it.hub, key) is None}
        owed: dict[str, Promise] = {}
        for key, it in self._reserved.items():
            if key != but:
                owed[it.hub] = owed.get(it.hub, NOTHING).with_one(it.size)
        for tenant in tenants:
            if tenant.instance not in self._reserved and tenant.instance != but:
                left = _left(tenant.asks, use(tenant.hub, tenant.instance))
                owed[tenant.hub] = owed.get(tenant.hub, NOTHING).with_one(left)
        return owed


def _left(asks: Size, use: InstanceUse | None) -> Size:
    if use is None:
        return asks
    return Size(max(0, asks.memory - use.memory), max(0.0, asks.cpu - use.cpu / 100))


def expected(asks: Size, use: InstanceUse | None) -> Size:
    """Returns what is to be promised to a function: what it asks for, or uses now if that is more."""
    if use is None:
        return asks
    return Size(max(asks.memory, use.memory), max(asks.cpu, use.cpu / 100))
