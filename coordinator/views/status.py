"""Is all well, and if not, which one thing is to be done: sentences for people, the most urgent first."""

from __future__ import annotations

from collections.abc import Sequence

from coordinator.ingest.hubs import Hub, Hubs
from coordinator.store import instances
from coordinator.store.database import Store
from coordinator.store.schema import Instance, Move
from coordinator.views.answers import StatusAnswer


async def status(
    store: Store,
    hubs: Hubs,
    moving: Sequence[Move],
    others: Sequence[str],
    *,
    version: str,
    broker: str,
    site: str,
    since: str,
    paused: str,
) -> StatusAnswer:
    """Returns the state of the whole.

    Args:
        store: decides.
        hubs: as they are now.
        moving: moves under way.
        others: sentences of other parts: rules that cannot be read, telemetry.
        version: of the coordinator.
        broker: its kind.
        site: the installation's name.
        since: when the coordinator started.
        paused: since when nothing moves by itself; empty if all does.
    """
    every = [instance for instance, _ in await store.read(instances.every)]
    attention = [
        *hubs.strangers.values(),
        *(_failed(instance) for instance in every if instance.state == "failed" and not instance.trigger),
        *(_failed(run) for run in _last_runs(every) if run.state == "failed"),
        *(_stuck(move) for move in moving if move.state == "claimed" and move.failure),
        *(sentence for hub in hubs.every() if (sentence := _absent(hub, every))),
        *(_muted(instance) for instance in every if instance.muted and instance.branch == 1 and _lives(instance)),
        *others,
    ]
    if not hubs.every():
        attention.append("no hub has come yet: midstream hub --name hub-a, on each computer that shall run functions")
    return StatusAnswer(
        well=not attention,
        attention=attention,
        hubs_online=sum(hub.online for hub in hubs.every()),
        hubs_known=len(hubs.every()),
        running=sum(_lives(instance) and instance.state != "suspended" for instance in every),
        suspended=sum(instance.state == "suspended" for instance in every),
        failed=sum(instance.state == "failed" for instance in every),
        version=version,
        generation=store.generation,
        broker=broker,
        site=site,
        since=since,
        paused=paused,
    )


def _lives(instance: Instance) -> bool:
    return instance.state not in instances.ENDED


def _last_runs(every: Sequence[Instance]) -> list[Instance]:
    """The last run of each trigger that has ended: one that failed and was followed by a good one is past."""
    last: dict[str, Instance] = {}
    for instance in sorted(every, key=lambda it: (it.created, it.id)):
        if instance.trigger and not _lives(instance):
            last[instance.trigger] = instance
    return list(last.values())


def _failed(instance: Instance) -> str:
    when = f"{instance.since[:16].replace('T', ' ')} UTC"
    return (
        f"{instance.id} failed on {instance.hub}, {when}: {instance.reason}; midstream ps {instance.id} tells all, "
        f"midstream restore {instance.id} lets it go on, midstream stop {instance.id} puts it away"
    )


def _stuck(move: Move) -> str:
    return f"{move.instance} runs nowhere yet, it waits for a hub: {move.failure.splitlines()[0]}"


def _absent(hub: Hub, every: Sequence[Instance]) -> str:
    if hub.online:
        return ""
    held = [
        instance.id
        for instance in every
        if instance.hub == hub.name and _lives(instance) and instance.wanted != instances.PARKED
    ]
    if not held:
        return f"hub {hub.name} is silent: {hub.reason}" if hub.state == "silent" else ""
    return f"hub {hub.name} is {hub.state} ({hub.reason}) and holds {', '.join(held)}: midstream migrate {held[0]}"


def _muted(instance: Instance) -> str:
    return (
        f"{instance.id} went back to checkpoint {instance.newest} and publishes nothing until that is confirmed: "
        f"midstream restore {instance.id} --unmute"
    )
