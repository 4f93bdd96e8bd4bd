"""What every step of a move stands on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coordinator.ingest.ahead import AheadOfStore
from coordinator.ingest.checkpoints import Uploads
from coordinator.ingest.hubs import Hubs
from coordinator.journal import Journal
from coordinator.line import Line
from coordinator.moves.claims import Claims
from coordinator.moves.commands import Commands
from coordinator.placement.reservations import Promise, Reservations, Size, Tenant, expected
from coordinator.store.database import Store
from devices.mqtt.kind import BrokerKind
from devices.protocol.messages import InstanceUse
from devices.protocol.topics import Topics
from devices.runtime import clock
from devices.runtime.settings import Settings

_LOOK: Final = 0.5  # seconds between two looks at a hub that is away
Handover = Literal["takeover", "disconnect"]


@dataclass(frozen=True, slots=True)
class Ground:
    """The parts of the coordinator that moves use.

    Nothing is decided before ``ready``: until then store and broker may disagree about the newest epoch.
    """

    key: Ed25519PrivateKey
    topics: Topics
    store: Store
    line: Line
    hubs: Hubs
    uploads: Uploads
    commands: Commands
    claims: Claims
    ahead: AheadOfStore
    journal: Journal
    timezone: str  # the site's, an IANA name; it travels with each function
    defaults: Settings  # for what a function does not say about itself
    ready: asyncio.Event
    reservations: Reservations = field(default_factory=Reservations)
    moment: Callable[[], float] = time.monotonic  # seconds of a clock that does not go backward
    wall: Callable[[], float] = clock.wall  # seconds since 1970

    @property
    def handover(self) -> Handover:
        """How a session changes hands on this broker (`docs/protocol.md`, rule 20)."""
        return "disconnect" if self.line.kind is BrokerKind.EMBEDDED else "takeover"

    def promised(self, tenants: Iterable[Tenant], but: str = "") -> dict[str, Promise]:
        """Returns what each hub owes beside what its metrics show, as of now.

        Args:
            tenants: all functions that run or are on their way.
            but: the instance for which a place is sought.
        """
        return self.reservations.promised(tenants, self.use, self.moment(), but)

    def promise(self, key: str, hub: str, asks: Size, *, used_at: str = "") -> None:
        """Promises a hub to a function, until its metrics show it.

        Args:
            key: the instance, or what stands for one without a name.
            hub: that was chosen.
            asks: what the function asks for.
            used_at: the hub where it runs now.
        """
        size = expected(asks, self.use(used_at, key) if used_at else None)
        self.reservations.promise(key, hub, size, self.moment())

    def use(self, hub: str, instance: str) -> InstanceUse | None:
        """Returns what an instance uses on a hub, by the newest metrics; ``None``: it does not show there."""
        metrics = self.hubs[hub].metrics if self.hubs.online(hub) else None
        return metrics.instances.get(instance) if metrics is not None else None

    async def lease_over(self, hub: str) -> None:
        """Returns when what a hub has run can have no effect there any more without its word, or the hub is back."""
        while hub and not self.hubs.online(hub):
            left = self.hubs[hub].free_in(0.0, self.line.up_since)
            if left <= 0:
                return
            await asyncio.sleep(min(left, _LOOK))

    async def send_blob(self, checkpoint: str, blob: bytes) -> int:
        """Sends a checkpoint's blob down to whoever was told to expect it; returns the number of parts."""
        return await self.line.publish_blob(lambda number: self.topics.down(checkpoint, number), blob)
