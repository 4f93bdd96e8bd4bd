"""Claims: issued with the decision in the store, published retained before anybody is told to act on them.

The store is the authority and the retained claim its signed copy (`docs/protocol.md`, rules 1 and 4). A broker may lose
what it retained, and a store may be an old backup: so at each start both are read and the higher epoch wins.
"""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from coordinator.line import Line
from coordinator.moment import now
from coordinator.store import checkpoints, instances, moves
from coordinator.store.database import Store
from coordinator.store.schema import Instance
from devices.errors import MidstreamError
from devices.protocol import claims, messages, sealing
from devices.protocol.messages import Claim, ClaimBody
from devices.protocol.topics import Topics

_log = logging.getLogger(__name__)


class Claims:
    """Issues and publishes claims."""

    def __init__(self, key: Ed25519PrivateKey, store: Store, line: Line, topics: Topics) -> None:
        self._key = key
        self._public = sealing.public_bytes(key)
        self._store = store
        self._line = line
        self._topics = topics
        self._seen: dict[str, Claim] = {}
        self.strays: dict[str, Claim] = {}  # ours, for instances that the store does not know

    def issue(self, instance: str, epoch: int, hub: str, checkpoint: str, digest: str) -> Claim:
        """Signs that a hub may act. To be called inside the transaction that decides it."""
        body = ClaimBody(instance=instance, epoch=epoch, hub=hub, checkpoint=checkpoint, digest=bytes.fromhex(digest))
        return claims.issue(self._key, body)

    def publish(self, claim: Claim) -> None:
        """Publishes a claim, retained."""
        self._line.publish(self._topics.instance(claim.instance, "claim"), messages.encode(claim), retain=True)

    def withdraw(self, instance: str) -> None:
        """Takes the claim of an instance that has ended off the broker: nobody may act for it."""
        self._line.publish(self._topics.instance(instance, "claim"), b"", retain=True)

    def take(self, instance: str, payload: bytes) -> None:
        """Notes a retained claim, if it is one of ours."""
        try:
            claim = messages.decode(payload, Claim, f"instances/{instance}/claim")
            claims.read(claim, self._public)
        except MidstreamError as error:
            _log.warning("a claim that is not ours, for %s: %s", instance, error)
            return
        if claim.instance == instance:
            self._seen[instance] = claim

    async def reconcile(self) -> list[str]:
        """Brings store and broker to the higher epoch of each instance; returns what was out of order, in words."""
        seen, self._seen = self._seen, {}
        missing, found = await self._store.write(_catch_up, seen)
        for claim in missing:
            self.publish(claim)
        self.strays |= seen  # what is left of them
        return found

    def binds(self, claim: Claim, digest: bytes) -> bool:
        """Whether a claim of ours names the checkpoint of this digest."""
        return claims.read(claim, self._public).digest == digest


def _catch_up(session: Session, seen: dict[str, Claim]) -> tuple[list[Claim], list[str]]:
    missing: list[Claim] = []
    found: list[str] = []
    for instance, _ in instances.every(session):
        on_broker = seen.pop(instance.id, None)
        if on_broker is not None and on_broker.epoch > instance.epoch:
            found.append(
                f"{instance.id}: the store knows epoch {instance.epoch}, but epoch {on_broker.epoch} was claimed for "
                f"{on_broker.hub}: the store is an older copy; the claim counts"
            )
            raise_epoch(session, instance, on_broker.epoch, on_broker.hub, on_broker.checkpoint)
            instance.claim = msgspec.to_builtins(on_broker)
        elif instance.claim is None or instance.state in instances.ENDED:
            continue
        elif on_broker is None or on_broker.epoch < instance.epoch:
            missing.append(msgspec.convert(instance.claim, Claim))
    found.extend(f"{name}: claimed for {claim.hub}, but this store does not know it" for name, claim in seen.items())
    return missing, found


def raise_epoch(session: Session, instance: Instance, epoch: int, hub: str, checkpoint: str) -> None:
    """Takes over a higher epoch than the store knew. The newest checkpoint changes only if the store has that one.

    Whatever the store remembers of its state, somebody had it run since; its hub tells more.
    """
    values: dict[str, Any] = {"epoch": epoch, "hub": hub, "state": "running", "wanted": "running"}
    if checkpoint and checkpoints.find(session, checkpoint) is not None:
        values["newest"] = checkpoint
    for name, value in values.items():
        setattr(instance, name, value)
    move = moves.unfinished_of(session, instance.id)
    if move is not None:  # it was about an epoch that is long gone
        over = {"failure": "the store is an older copy: this is long over", "ended": now()}
        moves.advance(session, move, move.state, "failed", **over)
