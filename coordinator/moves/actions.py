"""Intents carried out, whoever wants them: a person's request or a rule."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from sqlalchemy.orm import Session

from coordinator import intents
from coordinator.moment import now
from coordinator.moves import anew, changing, decisions, founding, resuming, starting, upgrading
from coordinator.moves.changing import Change
from coordinator.moves.giving_up import require_nothing_ahead
from coordinator.moves.ground import Ground
from coordinator.moves.journey import Journey
from coordinator.moves.keeping import Keeping
from coordinator.moves.moving import Moves
from coordinator.moves.placing import Placing
from coordinator.moves.triggering import Triggers
from coordinator.placement import choice, tenants
from coordinator.placement.score import Place
from coordinator.store import checkpoints, instances
from coordinator.store.checkpoints import UPGRADE
from coordinator.store.schema import Checkpoint, Command, Function, Instance, Move, Trigger
from devices.errors import MidstreamError, RefusedError
from devices.protocol import checkpoint as blobs
from devices.protocol.answers import Captured
from devices.protocol.commands import Capture, Stop
from devices.runtime.python.upgrading.image import Upgrade


@dataclass(frozen=True, slots=True)
class Carried:
    """What became of an intent: the instance as it is now, and what belongs to it.

    Args:
        row: of the instance; ``None`` for a trigger, which is none.
        why: of the place that was chosen, or the intent's own.
        move: that was made, if one was.
        checkpoint: that was taken, or that it went on from.
        phases: of a checkpoint that was no part of a move, in ms.
        upgrade: what became, or would become, of its frames on changed source.
        trigger: that the intent was about.
    """

    row: Instance | None
    why: str
    move: Move | None = None
    checkpoint: Checkpoint | None = None
    phases: dict[str, float] | None = None
    upgrade: Upgrade | None = None
    trigger: Trigger | None = None

    @property
    def instance(self) -> Instance:
        """The instance that the intent was about."""
        assert self.row is not None, "a trigger is no instance"
        return self.row


class Actions:
    """Carries out intents."""

    def __init__(self, ground: Ground, moves: Moves, keeping: Keeping, triggers: Triggers) -> None:
        self._ground = ground
        self._moves = moves
        self._keeping = keeping
        self._triggers = triggers
        self._placing = Placing(ground, self.carry_out)

    async def carry_out(self, intent: intents.Intent) -> Carried:
        """Carries out an intent, to its end.

        Raises:
            MidstreamError: it was refused or failed; the instance is as it was, or the error says how.
        """
        await self._ground.ready.wait()
        name = getattr(intent, "instance", "")
        if name in self._triggers:
            return Carried(None, intent.why, trigger=await self._triggers.carry_out(intent, name))
        match intent:
            case intents.Begin():
                return await self._begin(intent)
            case intents.Run():
                return await self._run(intent)
            case intents.Checkpoint():
                return await self._checkpoint(intent, suspend=False)
            case intents.Suspend():
                return await self._checkpoint(intent, suspend=True)
            case intents.Resume():
                return await self._resume(intent)
            case intents.Migrate():
                return await self._migrate(intent)
            case intents.Stop():
                return await self._stop(intent)
            case intents.Upgrade():
                return await self._upgrade(intent)
            case intents.Restore():
                return await self._restore(intent)
            case intents.Unmute():
                return await self._unmute(intent)
        raise AssertionError(intent)

    # Starting --------------------------------------------------------------------------------------------------------

    async def _run(self, intent: intents.Run) -> Carried:
        code = starting.read(intent, self._ground.defaults)
        if code.settings.has_trigger and not (intent.once or intent.trigger):
            return Carried(None, intent.why, trigger=await self._triggers.register(intent, code))
        unnamed, granted = founding.new_id(), await self._ground.store.read(tenants.granted, code.declaration.name)
        wanted = replace(code.wants(granted), takes_occasion=intent.occasion is not None)
        place = await self._placing.place(wanted, unnamed, named=intent.hub)
        move = await self._ground.store.write(starting.new_instance, self._planting(intent, place), code)
        self._ground.reservations.named(unnamed, move.instance)
        return await self._carried(move, place.why)

    async def _begin(self, intent: intents.Begin) -> Carried:
        instance = await self._instance(intent.name)
        code = starting.read(intent, self._ground.defaults)
        granted = await self._ground.store.read(tenants.granted, code.declaration.name)
        place = await self._placing.place(code.wants(granted, instance.id), instance.id, named=intent.hub)
        move = await anew.begin(self._ground, self._planting(intent, place), instance, code)
        return await self._carried(move, place.why)

    def _planting(self, intent: intents.Run | intents.Restore, place: Place) -> starting.Planting:
        return starting.Planting(
            self._ground.key,
            intent,
            place,
            self._ground.handover,
            self._ground.timezone,
            frozenset(self._ground.claims.strays),
        )

    # Where it is -----------------------------------------------------------------------------------------------------

    async def _checkpoint(self, intent: intents.Checkpoint | intents.Suspend, *, suspend: bool) -> Carried:
        instance = await self._instance(intent.instance)
        wanted = instances.PARKED if isinstance(intent, intents.Suspend) and intent.parks else "suspended"
        resume = resuming.kept(self._ground, instance, intent.until) if isinstance(intent, intents.Suspend) else None
        if suspend and instance.state == "suspended":
            return await self._suspended_anew(instance, wanted, resume)
        if instance.state == "suspended":
            return await self._as_it_is(instance.id, "it is suspended: its newest checkpoint is all there is")
        _must_run(instance)
        command = Capture(
            id=f"{founding.new_id()}-capture",
            instance=instance.id,
            epoch=instance.epoch,
            reason=intent.why,
            hold=suspend,
        )
        if suspend:
            await self._ground.store.write(
                instances.change, instance.id, instance.epoch, wanted=wanted, reason=intent.why, resume=resume
            )
        try:
            told = await self._ground.commands.ask(instance.hub, command, Captured)
            await self._keeping.take(instance.hub, told)
        except MidstreamError:
            if suspend:
                await self._ground.store.write(
                    instances.change, instance.id, instance.epoch, wanted="running", reason=instance.reason, resume=None
                )
            raise
        await self._tell(intent, told, suspend=suspend)
        carried = await self._as_it_is(instance.id, intent.why)
        return Carried(carried.instance, carried.why, None, carried.checkpoint, told.phases)

    async def _suspended_anew(self, instance: Instance, wanted: str, resume: dict[str, Any] | None) -> Carried:
        """Changes for what a suspended instance waits.

        Raises:
            RefusedError: it waits for that already.
        """
        before, now = (instance.wanted, instance.resume), (wanted, resume)
        if wanted == instances.PARKED or before == now:
            raise RefusedError(f"{instance.id} is suspended already", remedy=f"midstream resume {instance.id}")
        await self._ground.store.write(instances.change, instance.id, instance.epoch, wanted=wanted, resume=resume)
        if resume is not None:
            return await self._as_it_is(instance.id, f"it was suspended already, and now is so until {resume['text']}")
        waited = instance.resume["text"] if instance.resume is not None else "its hub is back"
        return await self._as_it_is(instance.id, f"it was suspended until {waited}, and now stays so")

    async def _tell(self, intent: intents.Intent, told: Captured, *, suspend: bool) -> None:
        await self._ground.journal.tell(
            "instance",
            did=f"{'suspended' if suspend else 'made a checkpoint of'} {told.instance}",
            why=intent.why,
            instance=told.instance,
            hub=told.hub,
            details={"by": intent.by, "checkpoint": told.checkpoint, "bytes": told.size, "line": told.line},
        )

    async def _stop(self, intent: intents.Stop) -> Carried:
        instance = await self._instance(intent.instance)
        if instance.state in ("finished", "stopped"):  # one that failed asks for attention until somebody stops it
            raise RefusedError(f"{instance.id} has {instance.state} already")
        row = await self._ground.store.write(_end, instance.id, instance.epoch, intent.why)
        self._ground.commands.deliver([row])
        self._ground.claims.withdraw(instance.id)
        await self._ground.journal.tell(
            "instance",
            did=f"stopped {instance.id}",
            why=intent.why,
            instance=instance.id,
            hub=instance.hub,
            details={"by": intent.by},
        )
        return await self._as_it_is(instance.id, intent.why)

    # Elsewhere -------------------------------------------------------------------------------------------------------

    async def _resume(self, intent: intents.Resume) -> Carried:
        if intent.accept_loss and (journey := self._waiting(intent.instance)):
            return await self._hastened(journey, intent.why)
        instance = await self._instance(intent.instance)
        if instance.state != "suspended":
            raise RefusedError(f"{instance.id} is not suspended, it is {instance.state}")
        of_itself = intent.by == resuming.BY
        place = await self._place(instance, drives_out=not of_itself, named=intent.hub, here=instance.hub)
        await require_nothing_ahead(self._ground, instance, accepts_loss=intent.accept_loss)
        if place.hub == instance.hub:
            instance = await self._with_its_mail(instance, intent.why)
            move = starting.new_move(instance, "resume", intent, source="", place=place, named=True)
        else:
            move = self._away(instance, "resume", intent, place, named=bool(intent.hub))
        return await self._carried(await self._moves.open(move), place.why)

    async def _with_its_mail(self, instance: Instance, why: str) -> Instance:
        """Has a hub that is ahead with a suspended instance send what it owes: a next try elsewhere finds all in the store.

        Raises:
            MidstreamError: it cannot.
        """
        if instance.state != "suspended" or self._ground.ahead.of(instance.id, instance.epoch) is None:
            return instance
        command = Capture(id=f"{founding.new_id()}-mail", instance=instance.id, epoch=instance.epoch, reason=why)
        await self._keeping.take(instance.hub, await self._ground.commands.ask(instance.hub, command, Captured))
        return await self._instance(instance.id)

    def _waiting(self, instance: str) -> Journey | None:
        """Returns the move of an instance that waits for a hub which is away."""
        journey = self._moves.under_way(instance)
        return journey if journey is not None and journey.waits else None

    async def _hastened(self, journey: Journey, why: str) -> Carried:
        """Has a move that waits for a hub go on without it, and returns how it ends."""
        journey.accepts_loss = True
        self._ground.hubs.look_again()
        return await self._ended(await self._moves.ended(journey), why)

    async def _migrate(self, intent: intents.Migrate) -> Carried:
        if intent.accept_loss and (journey := self._waiting(intent.instance)):
            return await self._hastened(journey, intent.why)
        instance = await self._instance(intent.instance)
        if instance.state in instances.ENDED:
            raise RefusedError(f"{instance.id} has {instance.state}: there is nothing to move")
        if instance.state == "suspended":
            raise RefusedError(
                f"{instance.id} is suspended", remedy=f"midstream resume {instance.id} --to HUB lets it go on there"
            )
        if intent.hub == instance.hub:
            raise RefusedError(f"{instance.id} is on {instance.hub} already")
        try:
            place = await self._place(instance, named=intent.hub, leaving=instance.hub, shuns=intent.shuns)
        except choice.NowhereError as error:
            await self._ground.journal.tell(
                "move",
                did=f"{instance.id} stays on {instance.hub}",
                why=f"{intent.why}; {error.message}",
                severity="warning",
                instance=instance.id,
                hub=instance.hub,
            )
            raise
        await require_nothing_ahead(self._ground, instance, accepts_loss=intent.accept_loss)
        move = self._away(instance, "move", intent, place, named=bool(intent.hub))
        return await self._carried(await self._moves.open(move), place.why)

    def _away(self, instance: Instance, kind: str, intent: intents.Intent, place: Place, *, named: bool) -> Move:
        """Returns a move away from a hub; from one that is away it starts with the newest durable checkpoint."""
        move = starting.new_move(instance, kind, intent, source=instance.hub, place=place, named=named)
        if self._ground.hubs.online(instance.hub):
            move.state, move.checkpoint = "requested", ""
        else:
            move.kind = "failover"
        return move

    async def _upgrade(self, intent: intents.Upgrade) -> Carried:
        instance = await self._instance(intent.instance)
        if instance.state in instances.ENDED:
            remedy = f"midstream restore {instance.id} FILE lets it go on with changed source"
            raise RefusedError(f"{instance.id} has {instance.state}", remedy=remedy)
        if not self._ground.hubs.online(instance.hub):
            asleep = instance.state == "suspended"
            elsewhere = f"midstream resume {instance.id} --to HUB" if asleep else f"midstream migrate {instance.id}"
            raise RefusedError(
                f"{instance.hub}, where {instance.id} is, is away: only there is its newest state certain",
                remedy=f"start {instance.hub}, or {elsewhere}; then ask again",
            )
        change = await self._change(instance, intent)
        if intent.dry_run:
            wish = intents.Checkpoint(by=intent.by, why=intent.why, instance=instance.id)
            seen = await self._checkpoint(wish, suspend=False)
            assert seen.checkpoint is not None
            assert change.code is not None
            blob = await self._ground.store.read(checkpoints.blob, seen.checkpoint.id)
            return replace(seen, upgrade=await asyncio.to_thread(changing.examined, blob, change.code))
        here = Place(instance.hub, 0.0, "it stays where it is")
        move = starting.new_move(instance, UPGRADE, intent, source=instance.hub, place=here, named=True)
        move.state, move.checkpoint = "requested", ""
        journey = await self._moves.upgraded(await self._moves.open(move), change)
        if journey.state == "cancelled":
            raise RefusedError(f"{instance.id} stays with the source that it has: {journey.move.failure}")
        carried = await self._ended(journey.move, intent.why)
        if journey.child is None or carried.checkpoint is None or carried.checkpoint.reason != UPGRADE:
            raise MidstreamError(
                f"{instance.id} goes on with the source that it had: {journey.move.failure}",
                remedy="its checkpoint on the new source is kept; `midstream lineage` shows it",
            )
        return replace(carried, upgrade=journey.child.upgrade)

    async def _change(self, instance: Instance, intent: intents.Upgrade | intents.Restore) -> Change:
        """Returns what an intent wants changed.

        Raises:
            SourceError: no function in the changed source, too large, or a syntax error.
        """
        values = intent.values if isinstance(intent, intents.Restore) else {}
        if not intent.files:
            return Change(values=values)
        name = intent.function or await self._ground.store.read(_function_name, instance.function)
        source, declaration = starting.read_files(intent.files, name, self._ground.defaults)
        declared = intent.declared or (instance.settings or {}).get(instances.DECLARED, {})
        return Change(starting.Code(source, declaration, {}, declared), values)

    async def _restore(self, intent: intents.Restore) -> Carried:
        wanted = await self._ground.store.read(checkpoints.named, intent.checkpoint)
        instance = await self._instance(wanted.instance)
        if intent.as_new or intent.values:
            return await self._branch(intent, wanted, instance)
        if wanted.id != instance.newest:
            raise RefusedError(
                f"{wanted.id} is not the newest checkpoint of {instance.id}: going back to it makes a branch",
                remedy=f"midstream restore {wanted.id} --as-new",
            )
        on_its_feet = instance.state not in (*instances.ENDED, "suspended") and self._ground.hubs.online(instance.hub)
        if on_its_feet and not (instance.muted and intent.unmute):
            raise RefusedError(
                f"{instance.id} is {instance.state} on {instance.hub}",
                remedy=f"midstream restore {wanted.id} --as-new makes a branch beside it",
            )
        if on_its_feet:
            await self._checkpoint(
                intents.Suspend(by=intent.by, why="to let it publish again", instance=instance.id), suspend=True
            )
            instance = await self._instance(instance.id)
        place = await self._place(instance, named=intent.hub, here=instance.hub)
        await require_nothing_ahead(self._ground, instance, accepts_loss=False)
        if place.hub == instance.hub:
            instance = await self._with_its_mail(instance, intent.why)
        if intent.unmute:
            await self._ground.store.write(instances.change, instance.id, instance.epoch, muted=False)
        kind = "restore"
        if intent.files:
            if instance.state not in instances.ENDED:
                raise RefusedError(
                    f"{instance.id} is {instance.state}", remedy=f"midstream upgrade {instance.id} FILE, or --as-new"
                )
            await upgrading.renewed(self._ground, wanted, await self._change(instance, intent))
            kind, instance = UPGRADE, await self._instance(instance.id)
        if instance.state == "suspended" and place.hub != instance.hub:
            move = self._away(instance, "restore", intent, place, named=bool(intent.hub))
        else:
            move = starting.new_move(instance, kind, intent, source="", place=place, named=bool(intent.hub))
        return await self._carried(await self._moves.open(move), place.why)

    async def _unmute(self, intent: intents.Unmute) -> Carried:
        instance = await self._instance(intent.instance)
        if not instance.muted:
            raise RefusedError(f"{instance.id} is not muted")
        if instance.state in (*instances.ENDED, "suspended"):
            await self._ground.store.write(instances.change, instance.id, instance.epoch, muted=False)
            return await self._as_it_is(instance.id, intent.why)
        return await self._restore(
            intents.Restore(by=intent.by, why=intent.why, checkpoint=instance.id, hub=instance.hub, unmute=True)
        )

    async def _branch(self, intent: intents.Restore, checkpoint: Checkpoint, instance: Instance) -> Carried:
        blob = await self._ground.store.read(checkpoints.blob, checkpoint.id)
        wanted = replace(await self._ground.store.read(tenants.wishes, instance.id), instance="")  # that one stays
        unnamed = founding.new_id()
        place = await self._placing.place(wanted, unnamed, named=intent.hub)
        header, packed = blobs.decode_header(blob)
        if intent.files or intent.values:
            changed = await asyncio.to_thread(changing.changed, blob, await self._change(instance, intent))
            header, packed = changed.header, changed.packed
        planting = self._planting(intent, place)
        move = await self._ground.store.write(starting.branch, planting, checkpoint.id, header, packed)
        self._ground.reservations.named(unnamed, move.instance)
        return await self._carried(move, place.why)

    # Common ----------------------------------------------------------------------------------------------------------

    async def _instance(self, name: str) -> Instance:
        """Returns an instance when no move of it is under way.

        Raises:
            RefusedError: there is none of this name; the nearest one is told.
        """
        await self._moves.settled(name)
        found = await self._ground.store.read(instances.find, name)
        if found is None:
            raise await self._unknown(name)
        return found

    async def _unknown(self, name: str) -> RefusedError:
        names = sorted([*await self._ground.store.read(instances.names), *self._triggers.names])
        near = difflib.get_close_matches(name, names, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names) or 'none yet'}"
        return RefusedError(f"there is no instance {name!r}", remedy=remedy)

    async def _place(
        self,
        instance: Instance,
        *,
        drives_out: bool = True,
        shuns: Mapping[str, str] = MappingProxyType({}),
        **how: str,
    ) -> Place:
        """Chooses a hub and promises it to the instance.

        Raises:
            RefusedError: none fits, or not the one that was named.
        """
        wanted = replace(await self._ground.store.read(tenants.wishes, instance.id), shuns=shuns)
        return await self._placing.place(wanted, instance.id, used_at=instance.hub, drives_out=drives_out, **how)

    async def _carried(self, move: Move, why: str) -> Carried:
        """Carries a move to its end and returns how things are then.

        Raises:
            MidstreamError: it was cancelled or failed; with the reason.
        """
        return await self._ended(await self._moves.carried(move), why)

    async def _ended(self, move: Move, why: str) -> Carried:
        if move.state == "cancelled":
            raise RefusedError(f"{move.instance} stays on {move.source}: {move.failure}")
        if move.state == "failed":
            raise MidstreamError(f"{move.instance} runs nowhere: {move.failure}")
        carried = await self._as_it_is(move.instance, why)
        return Carried(carried.instance, why, move, await self._ground.store.read(checkpoints.find, move.checkpoint))

    async def _as_it_is(self, name: str, why: str) -> Carried:
        instance = await self._ground.store.read(instances.find, name)
        assert instance is not None
        return Carried(instance, why, None, await self._ground.store.read(checkpoints.find, instance.newest))


def _function_name(session: Session, number: int) -> str:
    row = session.get(Function, number)
    assert row is not None, "an instance is of a function"
    return row.name


def _must_run(instance: Instance) -> None:
    if instance.state in instances.ENDED:
        raise RefusedError(f"{instance.id} has {instance.state}")


def _end(session: Session, name: str, epoch: int, why: str) -> Command:
    if not instances.change(session, name, epoch, state="stopped", wanted="stopped", since=now(), reason=why):
        raise decisions.LostDecisionError(f"{name} has moved meanwhile", remedy="ask again")
    instance = instances.find(session, name)
    assert instance is not None
    stop = Stop(id=f"stop-{name}-{epoch}", instance=name, epoch=epoch, reason=why)
    return decisions.durable(session, instance.hub, "", stop)
