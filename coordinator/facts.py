"""What is known: the newest metrics of each hub and the newest message of each telemetry topic, within limits.

Facts are filled by `coordinator.ingest` and looked at by rules, placement and views. They decide nothing: a `Watcher`
(the rules' evaluation) is told of each one as it comes. Times are seconds of one clock that does not go backward
(`time.monotonic`).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, fields
from typing import Final, NamedTuple, Protocol

from devices.protocol import limits
from devices.protocol.messages import HubMetrics

UNREADABLE: Final = 100
"""Topics with unreadable messages that are remembered, the latest ones; more are only counted."""


class Heard(NamedTuple):
    """A telemetry topic's newest message. ``retained``: its age is unknown, it may be from last year."""

    payload: bytes
    qos: int
    retained: bool
    at: float


class Measured(NamedTuple):
    """A hub's newest metrics."""

    metrics: HubMetrics
    at: float


@dataclass(slots=True)
class Tally:
    """Telemetry messages counted by what became of them, since the coordinator's start."""

    heard: int = 0
    retained: int = 0
    oversized: int = 0  # above `limits.TELEMETRY`: not looked into at all
    malformed: int = 0  # starts like JSON but is not, is nested too deep, or is no text at all
    empty: int = 0
    forgotten: int = 0  # topics whose newest message had to go because there are too many

    def words(self) -> str:
        """Returns the counts that are not zero, for people: ``"1200 heard, 3 malformed"``."""
        counts = ((name.name, getattr(self, name.name)) for name in fields(self))
        return ", ".join(f"{count} {name}" for name, count in counts if count or name == "heard")


class Unread(NamedTuple):
    """A topic with messages that could not be read: how many, why the last one, and when."""

    times: int
    why: str
    at: float


class Watcher(Protocol):
    """Who is told of each fact as it comes."""

    def measured(self, hub: str, metrics: HubMetrics, at: float) -> None:
        """A hub told its metrics."""

    def heard(self, topic: str, payload: bytes, *, retained: bool, at: float) -> None:
        """A telemetry message came, of a size that may be looked into."""

    def hub_gone(self, hub: str) -> None:
        """A hub is offline."""

    def instance_gone(self, instance: str) -> None:
        """An instance ended for good."""

    def deaf(self) -> None:
        """Telemetry's connection was lost: for a while no device could be heard."""

    def passed(self, at: float) -> None:
        """Time has passed; called each second or so while telemetry comes in."""


@dataclass
class Facts:
    """All that is known.

    Args:
        watchers: who is told of each fact.
    """

    watchers: list[Watcher] = field(default_factory=list)
    hubs: dict[str, Measured] = field(default_factory=dict)
    topics: OrderedDict[str, Heard] = field(default_factory=OrderedDict)  # least recently heard first
    tally: Tally = field(default_factory=Tally)
    unreadable: dict[str, Unread] = field(default_factory=dict)  # by topic, least recently seen first
    _kept: int = 0  # bytes of payload in `topics`

    def hub(self, name: str, metrics: HubMetrics, at: float) -> None:
        """Takes in what a hub told of itself and its instances."""
        self.hubs[name] = Measured(metrics, at)
        for watcher in self.watchers:
            watcher.measured(name, metrics, at)

    def hub_gone(self, name: str) -> None:
        """Forgets the metrics of a hub that is offline: what it told is no longer so."""
        self.hubs.pop(name, None)
        for watcher in self.watchers:
            watcher.hub_gone(name)

    def instance_gone(self, instance: str) -> None:
        """Forgets an instance that ended for good."""
        for watcher in self.watchers:
            watcher.instance_gone(instance)

    def deaf(self) -> None:
        """Notes that telemetry's connection was lost: whatever devices said meanwhile has not been heard."""
        for watcher in self.watchers:
            watcher.deaf()

    def passed(self, at: float) -> None:
        """Lets time pass: a condition can come true by nothing but waiting."""
        for watcher in self.watchers:
            watcher.passed(at)

    def telemetry(self, topic: str, payload: bytes, qos: int, retain: bool, at: float) -> None:
        """Takes in a device's message.

        Args:
            topic: where it was published.
            payload: of any content, at most `limits.TELEMETRY` bytes.
            qos: as it arrived.
            retain: the retain flag as it arrived: set on what the broker had kept, never on a live message.
            at: when it arrived, in seconds.
        """
        tally = self.tally
        tally.heard += 1
        if retain:
            tally.retained += 1
        if not payload:
            tally.empty += 1
        topics = self.topics
        before = topics.pop(topic, None)
        topics[topic] = Heard(payload, qos, retain, at)
        self._kept += len(payload) - (len(before.payload) if before else 0)
        if len(topics) > limits.TELEMETRY_TOPICS or self._kept > limits.TELEMETRY_KEPT:
            self._forget_oldest()
        for watcher in self.watchers:
            watcher.heard(topic, payload, retained=retain, at=at)

    def unread(self, topic: str, why: str, at: float) -> None:
        """Notes a message that a rule looks at and that cannot be read."""
        self.tally.malformed += 1
        before = self.unreadable.pop(topic, None)
        self.unreadable[topic] = Unread(before.times + 1 if before else 1, why, at)
        if len(self.unreadable) > UNREADABLE:
            del self.unreadable[next(iter(self.unreadable))]

    def instance_cpu(self, instance: str, hub: str) -> float:
        """Returns percent of one core that an instance uses on a hub; 0 where that is not known."""
        measured = self.hubs.get(hub)
        use = measured.metrics.instances.get(instance) if measured else None
        return use.cpu if use else 0.0

    def _forget_oldest(self) -> None:
        while len(self.topics) > limits.TELEMETRY_TOPICS or self._kept > limits.TELEMETRY_KEPT:
            _, gone = self.topics.popitem(last=False)
            self._kept -= len(gone.payload)
            self.tally.forgotten += 1
