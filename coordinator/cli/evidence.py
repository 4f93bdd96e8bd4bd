"""The demo's evidence: what was heard on the broker, and the proof that follows from it.

A tap of its own hears what the devices publish and what the function says it has applied. Our own counters, in hubs
and coordinator, are not asked: they could be wrong in the same way as the thing they count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec

from coordinator.cli.documents import Proof
from devices.mqtt.delivery import Delivery
from devices.protocol.messages import MoveReport
from devices.simulators.pace import Applied

Reading = tuple[str, int]
"""A device, and the number of its reading."""


class Evidence:
    """Everything that the tap has heard.

    Args:
        reading_of: tells which reading a device's message is; ``None`` for one that is none (a birth message).
        report_topic: where the function says what it has applied.
    """

    def __init__(self, reading_of: Callable[[Delivery], Reading | None], report_topic: str) -> None:
        self.telemetry: list[Delivery] = []
        self.sent: Counter[Reading] = Counter()
        self.applied: Counter[Reading] = Counter()
        self._reading_of = reading_of
        self._report_topic = report_topic

    def take(self, delivery: Delivery) -> None:
        """Notes a message; what the broker kept from before the demo is none of its own."""
        if delivery.retain:
            return
        if delivery.topic == self._report_topic:
            self.applied.update(msgspec.json.decode(delivery.payload, type=Applied).applied)
            return
        reading = self._reading_of(delivery)
        if reading is not None:
            self.sent[reading] += 1
            self.telemetry.append(delivery)

    def proof(self, *, moves: list[MoveReport], result: Any, unmoved: Any, lineage: list[str], broker: str) -> Proof:
        """Returns what the evidence proves.

        Args:
            moves: the moves that were made, in their order.
            result: what the moved function returned, as JSON.
            unmoved: what the run that was never moved returned.
            lineage: the checkpoints' ids, oldest first.
            broker: its kind.
        """
        return Proof(
            moved=len(moves),
            sent=self.sent.total(),
            applied=self.applied.total(),
            missing=(self.sent - self.applied).total(),
            doubled=(self.applied - self.sent).total(),
            equal=same_json(result, unmoved),
            downtime_ms=moves[-1].downtime_ms if moves else 0.0,
            blob_bytes=moves[-1].bytes if moves else 0,
            lineage=lineage,
            broker=broker,
        )


def holds(proof: Proof) -> bool:
    """Whether it proves what is promised: moved, nothing lost, nothing twice, the same result."""
    return (
        proof.moved > 0
        and proof.sent > 0
        and proof.applied == proof.sent
        and proof.missing == proof.doubled == 0
        and proof.equal
    )


def same_json(one: Any, other: Any) -> bool:
    """Whether two values are the same once both have been through JSON."""
    plain: list[Any] = [msgspec.json.decode(msgspec.json.encode(value)) for value in (one, other)]
    return bool(plain[0] == plain[1])
