"""What the topics below `midstream/` say at the moment: the state behind the views of `up` and `demo`.

Pure: it takes deliveries and is looked at. A message that cannot be read is counted, and changes nothing.
"""

from __future__ import annotations

from collections import deque
from typing import Final, TypeVar

import msgspec

from devices.errors import ProtocolError
from devices.mqtt.delivery import Delivery
from devices.protocol import messages
from devices.protocol.topics import Topics

M = TypeVar("M")

_HISTORY: Final = 120
"""Metrics of a hub that are kept: two minutes at one a second, wider than any sparkline."""
_EVENTS: Final = 100


class HubPicture(msgspec.Struct):
    """One hub, as far as it has told."""

    status: messages.HubStatus | None = None
    info: messages.HubInfo | None = None
    metrics: messages.HubMetrics | None = None
    temperatures: deque[float] = msgspec.field(default_factory=lambda: deque(maxlen=_HISTORY))


class Picture:
    """Everything that a view shows.

    Args:
        prefix: the first topic level.
    """

    def __init__(self, prefix: str) -> None:
        self.topics = Topics(prefix)
        self.coordinator: messages.CoordinatorStatus | None = None
        self.hubs: dict[str, HubPicture] = {}
        self.instances: dict[str, messages.InstanceState] = {}
        self.moves: dict[str, messages.MoveReport] = {}
        self.events: deque[messages.Event] = deque(maxlen=_EVENTS)
        self.heard = 0  # events, also those that are no longer kept
        self.malformed = 0

    @property
    def filters(self) -> dict[str, int]:
        """What to subscribe to. State at QoS 0: the embedded broker gives a QoS 1 subscriber 100 kept messages."""
        return {
            self.topics.coordinator_status: 0,
            self.topics.hub("+", "status"): 0,
            self.topics.hub("+", "info"): 0,
            self.topics.hub("+", "metrics"): 0,
            self.topics.instance("+", "state"): 0,
            self.topics.instance("+", "move"): 0,
            self.topics.event("+"): 0,
        }

    def take(self, delivery: Delivery) -> None:
        """Lets a message change the picture; one of another topic changes nothing."""
        try:
            self._take(delivery.topic, self.topics.split(delivery.topic), delivery.payload)
        except ProtocolError:
            self.malformed += 1

    def _take(self, topic: str, levels: list[str], payload: bytes) -> None:
        match levels:
            case ["coordinator", "status"]:
                self.coordinator = messages.decode(payload, messages.CoordinatorStatus, topic) if payload else None
            case ["hubs", name, leaf]:
                self._take_hub(topic, name, leaf, payload)
            case ["instances", name, "state"]:
                _keep(self.instances, name, payload, messages.InstanceState, topic)
            case ["instances", name, "move"]:
                _keep(self.moves, name, payload, messages.MoveReport, topic)
            case ["events", _]:
                self.events.append(messages.decode(payload, messages.Event, topic))
                self.heard += 1

    def _take_hub(self, topic: str, name: str, leaf: str, payload: bytes) -> None:
        if not payload:
            self.hubs.pop(name, None)
            return
        hub = self.hubs.setdefault(name, HubPicture())
        match leaf:
            case "status":
                hub.status = messages.decode(payload, messages.HubStatus, topic)
            case "info":
                hub.info = messages.decode(payload, messages.HubInfo, topic)
            case "metrics":
                hub.metrics = messages.decode(payload, messages.HubMetrics, topic)
                if hub.metrics.temperature is not None:
                    hub.temperatures.append(hub.metrics.temperature)


def _keep(where: dict[str, M], name: str, payload: bytes, kind: type[M], topic: str) -> None:
    if payload:
        where[name] = messages.decode(payload, kind, topic)
    else:
        where.pop(name, None)
