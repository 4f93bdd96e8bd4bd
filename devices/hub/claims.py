"""Who may act, as the coordinator signed it and the broker keeps it (`docs/protocol.md`, section 2)."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from devices.errors import MidstreamError, ProtocolError, RefusedError
from devices.hub.presence import Presence
from devices.keys import pin
from devices.mqtt.address import BrokerAddress
from devices.mqtt.session import Session
from devices.protocol import claims, messages
from devices.protocol.messages import Claim, ClaimBody, CoordinatorStatus
from devices.protocol.topics import Topics

_PATIENCE: Final = 2.0
"""Seconds for a retained claim to come after the broker has agreed to the subscription; usual is the same packet."""
UNREADABLE: Final = "its claim cannot be read: it stands still until broker and coordinator are there"
_log = logging.getLogger(__name__)


class Claims:
    """The newest claim of each instance that this hub has read.

    Args:
        topics: the tree.
        address: the broker, for a reading of its own.
        pinned: the file with the coordinator's key, written at first contact.
    """

    def __init__(self, topics: Topics, address: BrokerAddress, pinned: Path) -> None:
        self._topics = topics
        self._address = address
        self._pinned = pinned
        self.has_pinned = pinned.exists()  # when this hub was started: a coordinator's key, so it has worked before
        self._public: bytes | None = bytes.fromhex(pinned.read_text()) if pinned.exists() else None
        self._newest: dict[str, ClaimBody] = {}
        self.coordinator_is_there = False
        self.presence = Presence()
        self.coordinator_notes_ends = True  # until one says otherwise: an end can wait
        self.on_coordinator: Callable[[], None] = lambda: None
        self.on_newer: Callable[[ClaimBody], None] = lambda _claim: None

    def take_status(self, payload: bytes) -> None:
        """Pins the coordinator's key at first contact; tells `on_coordinator` that there is one, or one again.

        Raises:
            RefusedError: another key is pinned.
            ProtocolError: no coordinator's status.
        """
        status = messages.decode(payload, CoordinatorStatus, self._topics.coordinator_status)
        came = status.state == "online" and not self.coordinator_is_there
        self.coordinator_is_there = status.state == "online"
        if came:
            self.on_coordinator()
        self.presence.take(is_there=self.coordinator_is_there)
        self.coordinator_notes_ends = status.notes_ends
        if not status.key:
            return
        try:
            public = bytes.fromhex(status.key)
        except ValueError as error:
            raise ProtocolError("the coordinator's key is not hexadecimal") from error
        self._public = pin(self._pinned, public, "the coordinator")

    @property
    def public(self) -> bytes:
        """The coordinator's key.

        Raises:
            RefusedError: no coordinator has been heard of yet.
        """
        if self._public is None:
            raise RefusedError(
                "this hub knows no coordinator yet",
                remedy="start the coordinator; the hub pins its key at first contact",
            )
        return self._public

    def verify(self, claim: Claim) -> ClaimBody:
        """Returns what a claim says, checked, and remembers the newest.

        Raises:
            RefusedError: no coordinator has been heard of yet.
            ProtocolError: it is not signed by the coordinator, or altered.
        """
        body = claims.read(claim, self.public)
        known = self._newest.get(body.instance)
        if known is None or known.epoch < body.epoch:
            self._newest[body.instance] = body
        return body

    def newest(self, instance: str) -> ClaimBody | None:
        """Returns the newest claim that was read."""
        return self._newest.get(instance)

    def take(self, instance: str, payload: bytes) -> None:
        """Takes a claim from its topic; tells `on_newer` if it is newer than all before.

        Raises:
            MidstreamError: it is none, or not the coordinator's.
        """
        if not payload:
            return  # withdrawn: the instance is over, which its hub was told by a command
        known = self._newest.get(instance)
        body = self.verify(messages.decode(payload, Claim, self._topics.instance(instance, "claim")))
        if body.instance != instance:
            raise ProtocolError(f"a claim for {body.instance} on the topic of {instance}")
        if known is None or body.epoch > known.epoch:
            self.on_newer(body)

    async def read(self, instance: str) -> ClaimBody | None:
        """Asks the broker for the claim that it keeps now; ``None`` if it keeps none that can be believed.

        On a connection of its own: what our control session was sent may still be on its way, or that session be gone
        with the one that brought us here.

        Raises:
            UnreachableError: no broker.
        """
        topic = self._topics.instance(instance, "claim")
        client = f"midstream-claim-{secrets.token_hex(4)}"
        async with Session(self._address, client, clean_start=True, session_expiry=0) as session:
            await session.subscribe({topic: 0})
            try:
                async with asyncio.timeout(_PATIENCE):
                    delivery = await session.next_delivery()
            except TimeoutError:
                return None
        if delivery is None:
            return None
        try:
            self.take(instance, delivery.payload)
        except MidstreamError as error:
            _log.warning("the claim of %s cannot be believed: %s", instance, error)
            return None
        return self.newest(instance)
