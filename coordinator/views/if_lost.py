"""What would become of a hub's functions if its plug were pulled now: placement's own answer, in rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlalchemy.orm import Session

from coordinator.ingest.ahead import AheadOfStore, remedy, what
from coordinator.ingest.hubs import Hubs
from coordinator.ingest.instances import Voices
from coordinator.moment import age
from coordinator.placement import choice, tenants
from coordinator.placement.requirements import Requirements
from coordinator.placement.reservations import NOTHING, Promise, Tenant
from coordinator.store import checkpoints, instances
from coordinator.store.database import Store
from coordinator.store.schema import Checkpoint, Function, Instance
from coordinator.views.answers import IfLostRow
from devices.errors import RefusedError
from devices.protocol.messages import InstanceState
from devices.runtime.settings import Settings


async def rows(
    store: Store,
    hubs: Hubs,
    voices: Voices,
    ahead: AheadOfStore,
    hub: str,
    *,
    promised: Callable[[Iterable[Tenant]], dict[str, Promise]],
    paused: str,
) -> list[IfLostRow]:
    """Returns a row for each function there, by name.

    Each is placed with those before it counted where they would go, as a failover does that moves one after the other.

    Args:
        store: knows what is there, and its newest checkpoints.
        hubs: where it could go.
        voices: for the QoS at which inputs come.
        ahead: for what a hub has done while the coordinator was away.
        hub: the one that would be lost.
        promised: what hubs owe to those that run.
        paused: since when nothing moves by itself; empty if all does.

    Raises:
        RefusedError: there is no such hub.
    """
    name = choice.named_hub(hubs, hub).name
    there, everybody = await store.read(_there, name)
    owed = promised(everybody)
    found = []
    for instance, function, newest, wanted in there:
        row = _row(instance, function, newest, voices.state(instance.id))
        word = ahead.of(instance.id, instance.epoch)
        if word is not None:
            row.lost = f"{what(word)}: {name} alone has that"
        if row.suspended:
            accepting = " --accept-loss" if word is not None else ""
            row.why = f"it is suspended and stays so: midstream resume {row.instance} --to HUB{accepting}"
        elif word is not None:
            row.why = f"it waits for {name}, which is ahead: {remedy(word)}"
        elif row.failover == "never":
            row.why = f'failover="never": it waits for {name}'
        elif paused:
            row.why = "nothing moves by itself: midstream pause --off"
        else:
            try:
                place = choice.choose(hubs, wanted, owed, leaving=name)
            except RefusedError as error:
                row.why = error.message
            else:
                row.goes_to, row.why = place.hub, place.why
                owed[place.hub] = owed.get(place.hub, NOTHING).with_one(wanted.asks)
        found.append(row)
    return found


def _there(
    session: Session, hub: str
) -> tuple[list[tuple[Instance, Function, Checkpoint | None, Requirements]], list[Tenant]]:
    there = [
        (instance, function, checkpoints.find(session, instance.newest), tenants.wishes(session, instance.id))
        for instance, function in instances.every(session)
        if instance.hub == hub and instance.state not in instances.ENDED
    ]
    return there, tenants.every(session)


def _row(instance: Instance, function: Function, newest: Checkpoint | None, said: InstanceState | None) -> IfLostRow:
    settings = Settings.from_plain(instances.settings_of(instance, function))
    since = age(newest.created) if newest is not None else None
    row = IfLostRow(
        instance=instance.id,
        function=function.name,
        suspended=instance.state == "suspended",
        failover=settings.failover,
        checkpoint=instance.newest,
        checkpoint_age=since,
    )
    if settings.durability == "spool":
        row.lost = "with its disk: all since the last checkpoint that the coordinator has"
    elif said is not None and said.input_qos == 0:
        row.lost = "messages at QoS 0 since its last checkpoint"
    return row
