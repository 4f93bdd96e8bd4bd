"""What happened, told once: into the store and onto ``events/<rule>``."""

from __future__ import annotations

import logging
import uuid
from typing import Any, Literal

import msgspec

from coordinator.line import Line
from coordinator.moment import now
from coordinator.store import events
from coordinator.store.database import Store
from coordinator.store.trouble import StoreError
from devices.protocol import messages
from devices.protocol.messages import Event
from devices.protocol.topics import Topics

_log = logging.getLogger(__name__)
Severity = Literal["info", "warning", "problem"]


class Journal:
    """Tells events. The names in ``rule`` that are no rules' are the coordinator's own: ``move``, ``hub`` ..."""

    def __init__(self, store: Store, line: Line, topics: Topics) -> None:
        self._store = store
        self._line = line
        self._topics = topics

    async def tell(
        self,
        rule: str,
        *,
        did: str,
        why: str,
        severity: Severity = "info",
        instance: str = "",
        hub: str = "",
        details: dict[str, Any] | None = None,
    ) -> None:
        """Records and publishes an event of the coordinator's own."""
        event = Event(
            id=uuid.uuid4().hex[:12],
            at=now(),
            rule=rule,
            severity=severity,
            subject=instance or hub,
            did=did,
            why=why,
            instance=instance,
            hub=hub,
            details=details or {},
        )
        await self.record(event)

    async def record(self, event: Event) -> None:
        """Records and publishes an event; published even where the store cannot take it."""
        self._line.publish(self._topics.event(event.rule), messages.encode(event))
        try:
            await self._store.write(events.add, event, msgspec.to_builtins(event))
        except StoreError as error:
            _log.warning("an event is published and not kept: %s", error)
