"""What has to be remembered between messages to understand them: units told elsewhere, names behind numbers, repeats.

Every table forgets what was used least recently: beacons and neighbours' sensors invent names without end.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Final, Generic, NamedTuple, TypeVar

from coordinator.dialects.interpretation import Kind, Value

ENTRIES: Final = 20_000
"""Entries of one table."""

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A table that keeps what was used most recently.

    Args:
        most: entries.
    """

    def __init__(self, most: int = ENTRIES) -> None:
        self._most = most
        self._entries: OrderedDict[K, V] = OrderedDict()

    def __setitem__(self, key: K, value: V) -> None:
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._most:
            self._entries.popitem(last=False)

    def get(self, key: K) -> V | None:
        """Returns an entry, which is then the last to be forgotten, or ``None``."""
        found = self._entries.get(key)
        if found is not None:
            self._entries.move_to_end(key)
        return found

    def pop(self, key: K) -> V | None:
        """Forgets an entry; returns it."""
        return self._entries.pop(key, None)

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)


class Told(NamedTuple):
    """What a discovery or a description says of a reading: only what it does say."""

    unit: str | None = None
    kind: Kind | None = None
    device: str = ""


class Metric(NamedTuple):
    """A Sparkplug metric as its birth declares it."""

    name: str
    datatype: int
    unit: str | None


class Counted(NamedTuple):
    """A counter's last value and when it was heard."""

    value: float
    at: float


@dataclass
class Memory:
    """All tables of one interpreter."""

    told: Recent[tuple[str, str], Told] = field(default_factory=Recent)  # by topic and path
    bases: Recent[tuple[str, str], bool] = field(default_factory=lambda: Recent(1000))  # by dialect and first levels
    datatypes: Recent[str, str] = field(default_factory=Recent)  # of Homie, by the property's topic
    versions: Recent[str, str] = field(default_factory=lambda: Recent(2000))  # of Homie, by the device's topic
    roots: Recent[str, str] = field(default_factory=lambda: Recent(2000))  # of Homie 5, by the child device
    metrics: Recent[tuple[str, int], Metric] = field(default_factory=lambda: Recent(100_000))  # by edge node, alias
    sessions: Recent[str, Value] = field(default_factory=lambda: Recent(2000))  # Sparkplug's bdSeq, by edge node
    sequences: Recent[str, int] = field(default_factory=lambda: Recent(2000))  # Sparkplug's seq, by edge node
    packets: Recent[tuple[Any, ...], float] = field(default_factory=lambda: Recent(5000))  # seen; with their time
    counted: Recent[tuple[str, str, str], Counted] = field(default_factory=Recent)  # by topic, part and path
