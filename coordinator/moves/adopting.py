"""Instances and checkpoints that hubs hold and the store lacks: it is new, or an older copy (`docs/protocol.md`, rules 4, 22).

A hub is asked for its newest checkpoint, which holds everything that an instance is made of: code, arguments, settings and
state. Who may act is what the highest readable claim says, or the highest epoch that a hub holds; from there epochs go on.
What was before that checkpoint is not known any more, and that is said.
"""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass
from typing import Final

import msgspec
from sqlalchemy.orm import Session

from coordinator.ingest.checkpoints import row_of
from coordinator.moment import now
from coordinator.moves import founding, starting
from coordinator.moves.claims import Claims
from coordinator.moves.ground import Ground
from coordinator.moves.moving import Moves
from coordinator.store import checkpoints, instances
from coordinator.store.database import until_stored
from coordinator.store.schema import Instance, Move
from devices.errors import DamagedError, MidstreamError, ProtocolError, RefusedError
from devices.protocol import checkpoint as blobs
from devices.protocol import limits, sealing
from devices.protocol.answers import Captured, Holding
from devices.protocol.checkpoint import Header
from devices.protocol.commands import Offer
from devices.protocol.messages import Claim

_AT_REST: Final = ("suspended", "failed")  # one that has finished tells that again
_BRANCH: Final = re.compile(r"(.+)~(\d+)")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """A checkpoint that a hub has offered, verified.

    Args:
        hub: which holds it.
        holding: what it said.
        header: of the checkpoint.
        blob: its bytes.
        signer: the public key that fits.
        claim: the newest claim on the broker, if the store does not know the instance.
    """

    hub: str
    holding: Holding
    header: Header
    blob: bytes
    signer: bytes
    claim: Claim | None


async def adopt(ground: Ground, moving: Moves, hub: str, holding: Holding, *, known: bool) -> None:
    """Brings what a hub holds into the store.

    Args:
        ground: the coordinator's parts.
        moving: for what then runs nowhere.
        hub: which holds it.
        holding: what it said.
        known: whether the store knows the instance. Then the checkpoint may be on its way anyway, and is waited for.
    """
    if known:
        await asyncio.sleep(limits.VERDICT)
        if await ground.store.read(checkpoints.find, holding.checkpoint) is not None:
            return
    try:
        found = await _offered(ground, hub, holding)
    except MidstreamError as error:
        _log.warning("checkpoint %s of %s is not in the store: %s", holding.checkpoint, holding.instance, error)
        return
    claim, is_new = await until_stored(lambda: ground.store.write(_take, ground.claims, found))
    if claim is not None:
        ground.claims.publish(claim)
    ground.claims.strays.pop(holding.instance, None)
    if not is_new:
        return
    await ground.journal.tell(
        "store",
        did=f"took {holding.instance} up from checkpoint {holding.checkpoint}",
        why=f"{hub} holds it and this store did not know it; its older checkpoints and events are not known any more",
        severity="warning",
        instance=holding.instance,
        hub=hub,
    )
    await _bring_to_a_hub(ground, moving, holding)


async def _offered(ground: Ground, hub: str, holding: Holding) -> Found:
    command = Offer(id=f"offer-{founding.new_id()}", instance=holding.instance, checkpoint=holding.checkpoint)
    told = await ground.commands.ask(hub, command, Captured)
    blob = await ground.uploads.whole(told)
    stray = ground.claims.strays.get(holding.instance)
    if blobs.blob_digest(blob).hex() != told.digest:
        raise DamagedError(f"checkpoint {told.checkpoint} is not the one that {hub} has announced")
    header, signer = _verified(ground, blob, stray)
    if (header.checkpoint, header.instance) != (holding.checkpoint, holding.instance):
        raise ProtocolError(f"{hub} has offered another checkpoint than it holds")
    return Found(hub, holding, header, blob, signer, stray)


def _verified(ground: Ground, blob: bytes, stray: Claim | None) -> tuple[Header, bytes]:
    """Returns a checkpoint's header and whose signature it bears: ours, or that of a hub that we have met.

    Raises:
        DamagedError: none of these.
    """
    ours = sealing.public_bytes(ground.key)
    for key in (ours, *(hub.key for hub in ground.hubs.every())):
        try:
            return blobs.decode_header(blob, public=key)[0], key
        except DamagedError:
            continue
    header, _ = blobs.decode_header(blob)
    if stray is not None and ground.claims.binds(stray, blobs.blob_digest(blob)):
        return header, b""  # of a hub that never came back: our claim names these very bytes
    raise DamagedError(f"checkpoint {header.checkpoint} is signed by nobody that is known here")


def _take(session: Session, claims: Claims, found: Found) -> tuple[Claim | None, bool]:
    """Takes a checkpoint into the lineage; returns a claim that the broker lacks, and whether the instance is new.

    Raises:
        RefusedError: the instance is another hub's by now.
    """
    header, holding = found.header, found.holding
    instance = instances.find(session, holding.instance)
    is_new = instance is None
    if instance is None:
        instance = _instance(session, found)
    elif (instance.epoch, instance.hub) != (holding.epoch, found.hub):
        raise RefusedError(f"{instance.id} is {instance.hub}'s by now")
    if checkpoints.find(session, header.checkpoint) is None:
        checkpoints.add(session, row_of(header, found.blob, found.signer), found.blob)
        if not _is_older(session, header.checkpoint, instance.newest):
            instance.newest = header.checkpoint
    instance.published = max(instance.published, holding.published)
    if instance.claim is not None and instance.claim["epoch"] == instance.epoch:
        return None, is_new
    row = checkpoints.find(session, instance.newest)
    assert row is not None
    issued = claims.issue(instance.id, instance.epoch, instance.hub, row.id, row.digest)
    instance.claim = msgspec.to_builtins(issued)
    return issued, is_new


def _instance(session: Session, found: Found) -> Instance:
    header, holding, claim = found.header, found.holding, found.claim
    number = instances.remember_function(session, starting.function_of(header.function))
    branch = _BRANCH.fullmatch(header.instance)
    state = holding.state if holding.state in _AT_REST else "running"
    instance = Instance(
        id=header.instance,
        function=number,
        trunk=branch[1] if branch else header.instance,
        branch=int(branch[2]) if branch else 1,
        state=state,
        wanted="suspended" if state == "suspended" else "running",
        epoch=holding.epoch,
        hub=found.hub,
        newest=header.checkpoint,
        muted=holding.muted,
        settings=header.function.settings,
        since=now(),
        created=now(),
        reason="taken up from its hub: the store was new",
    )
    if claim is not None and claim.epoch >= holding.epoch:
        instance.epoch, instance.hub, instance.claim = claim.epoch, claim.hub, msgspec.to_builtins(claim)
    session.add(instance)
    session.flush()
    return instance


def _is_older(session: Session, checkpoint: str, newest: str) -> bool:
    """Whether the newest checkpoint was made behind this one, which was stored too late."""
    row = checkpoints.find(session, newest)
    return row is not None and checkpoint in (row.parent, *(it.parent for it in checkpoints.parents(session, row)))


async def _bring_to_a_hub(ground: Ground, moving: Moves, holding: Holding) -> None:
    """Has an instance that no hub runs go on where it was claimed for, from the checkpoint that was found."""
    instance = await ground.store.read(instances.find, holding.instance)
    assert instance is not None
    told = ground.hubs[instance.hub].holding
    if instance.state != "running" or not ground.hubs.online(instance.hub) or told is None:
        return  # its hub will report, or failover has its time
    there = told.get(instance.id)
    if there is not None and there.state != "moving":
        return
    move = lost(instance, instance.hub, "nobody runs it, and the store does not know why")
    try:
        await moving.carried(await moving.open(move))
    except RefusedError as error:
        _log.info("%s", error)


def lost(instance: Instance, hub: str, why: str) -> Move:
    """Returns a move that gives an instance to a hub again, from its newest checkpoint."""
    return Move(
        id=founding.new_id(),
        instance=instance.id,
        kind="restore",
        state="released",
        by="coordinator",
        why=why,
        source="",
        destination=hub,
        epoch=instance.epoch,
        checkpoint=instance.newest,
        tried=[],
    )
