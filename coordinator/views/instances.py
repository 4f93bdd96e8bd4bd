"""Instances and functions as rows: what the store decided, beside what they say of themselves."""

from __future__ import annotations

import difflib
import time
from datetime import tzinfo
from typing import cast

import msgspec
from sqlalchemy.orm import Session

from coordinator.ingest.hubs import Hubs
from coordinator.ingest.instances import Voices
from coordinator.moment import age
from coordinator.placement import resuming, tenants
from coordinator.placement.requirements import Requirements
from coordinator.placement.resuming import Wish
from coordinator.store import checkpoints, instances, suspensions
from coordinator.store.database import Store
from coordinator.store.schema import Checkpoint, Function, Instance
from coordinator.views.answers import FunctionRow, InstanceRow
from coordinator.views.places import places
from devices import timekeeping
from devices.errors import RefusedError
from devices.protocol.messages import InstanceStateName
from devices.protocol.waits import Wait
from devices.runtime import clock
from devices.runtime.deadline import outlook
from devices.runtime.settings import Settings


async def rows(
    store: Store, hubs: Hubs, voices: Voices, instance: str = "", *, ended: bool = False
) -> list[InstanceRow]:
    """Returns instances by name.

    Args:
        store: decides.
        hubs: for what each uses.
        voices: for what each says.
        instance: only this one, ended or not; empty for all.
        ended: also those that have ended.

    Raises:
        RefusedError: there is none of that name; the nearest one is told.
    """
    every, newest, counts, by_rules = await store.read(_all)
    if instance and instance not in {row.id for row, _ in every}:
        raise unknown(instance, [row.id for row, _ in every])
    found = []
    for row, function in every:
        if row.id == instance or (not instance and (ended or row.state not in instances.ENDED)):
            answer = _row(row, function, newest.get(row.id), hubs, voices)
            answer.checkpoints = counts.get(row.id, 0)
            if row.id in by_rules and not answer.until:
                answer.until = f"rule {by_rules[row.id]} to let it go on"
                answer.waiting = f"{answer.until}; then {answer.waiting}" if answer.waiting else answer.until
            found.append(answer)
    return found


def unknown(name: str, names: list[str]) -> RefusedError:
    """Returns the error for an instance that does not exist."""
    near = difflib.get_close_matches(name, names, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names) or 'none yet'}"
    return RefusedError(f"there is no instance {name!r}", remedy=remedy)


def _all(
    session: Session,
) -> tuple[list[tuple[Instance, Function]], dict[str, Checkpoint], dict[str, int], dict[str, str]]:
    by_rules = dict(suspensions.of_rules(session))
    return instances.every(session), checkpoints.newest(session), checkpoints.counts(session), by_rules


def _row(instance: Instance, function: Function, newest: Checkpoint | None, hubs: Hubs, voices: Voices) -> InstanceRow:
    row = InstanceRow(
        instance=instance.id,
        function=function.name,
        hub=instance.hub,
        state=cast("InstanceStateName", instance.state),
        epoch=instance.epoch,
        since=instance.since,
        reason=instance.reason,
        moves=instance.moves,
        muted=instance.muted,
        declared=instances.declared(instance).get("owner", ""),
        result=instance.result,
        error=instance.error,
    )
    if newest is not None:
        row.checkpoint, row.checkpoint_bytes, row.line = newest.id, newest.size, newest.line
        row.checkpoint_age = age(newest.created)
    said = voices.state(instance.id)
    if said is not None and said.epoch == instance.epoch and instance.state not in instances.ENDED:
        row.reason = said.reason or row.reason
        row.line, row.waiting, row.text = said.line or row.line, said.waiting, said.text
        row.progress, row.values = said.progress, said.values
        row.lag, row.dropped, row.input_qos = said.lag, said.dropped, said.input_qos
        row.withheld = said.withheld
    if newest is not None and newest.wait is not None and not _runs(instance, hubs):
        zone = clock.zone_or_utc(str(instances.settings_of(instance, function).get("timezone", "UTC")))
        row.waiting = outlook(msgspec.convert(newest.wait, Wait), zone, clock.wall())
    if instance.state == "suspended" and instance.resume is not None:
        zone = clock.zone_or_utc(str(instances.settings_of(instance, function).get("timezone", "UTC")))
        row.until = _until(instance, hubs, zone)
        row.waiting = f"{row.until}; then {row.waiting}" if row.waiting else row.until
    status = hubs[instance.hub].status
    if status is not None and status.reason.startswith(timekeeping.WAITS) and instance.state not in instances.ENDED:
        row.waiting = f"{status.reason}; then {row.waiting}" if row.waiting else status.reason
    metrics = hubs[instance.hub].metrics if hubs.online(instance.hub) else None
    if metrics is not None and (use := metrics.instances.get(instance.id)) is not None:
        row.cpu, row.memory = use.cpu, use.memory
    return row


def _until(instance: Instance, hubs: Hubs, zone: tzinfo) -> str:
    by_name = {hub.name: hub for hub in hubs.every()}
    wish = msgspec.convert(instance.resume, Wish)
    return resuming.in_words(wish, instance.hub, by_name, zone, at=time.monotonic(), wall=clock.wall())


def _runs(instance: Instance, hubs: Hubs) -> bool:
    """Whether it says itself for what it waits, or waits for nothing any more."""
    return instance.state in instances.ENDED or (instance.state == "running" and hubs.online(instance.hub))


async def functions(store: Store, hubs: Hubs) -> list[FunctionRow]:
    """Returns the newest source of each function, and where it could run now."""
    known, every, granted = await store.read(_functions)
    newest = {function.name: function for function in known}
    return [_function(function, every, hubs, granted[name]) for name, function in newest.items()]


def _functions(
    session: Session,
) -> tuple[list[Function], list[tuple[Instance, Function]], dict[str, frozenset[str] | None]]:
    known = instances.functions(session)
    return known, instances.every(session), {each.name: tenants.granted(session, each.name) for each in known}


def _function(
    function: Function, every: list[tuple[Instance, Function]], hubs: Hubs, granted: frozenset[str] | None
) -> FunctionRow:
    needs = Settings.from_plain(function.settings).needs
    fit, unfit = places(hubs, Requirements(needs, granted=granted), {})
    return FunctionRow(
        name=function.name,
        digest=function.digest,
        doc=function.doc,
        parameters=function.parameters,
        settings=function.settings,
        instances=[row.id for row, its in every if its.name == function.name and row.state not in instances.ENDED],
        places=fit,
        unfit=unfit,
    )
