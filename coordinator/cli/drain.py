"""`drain`: may this plug be pulled?"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import click

from coordinator.cli.options import COMMON, target

if TYPE_CHECKING:  # `midstream drain --help` must not pay for MQTT
    from coordinator.cli.documents import Drained
    from coordinator.cli.options import Target
    from coordinator.cli.requests import Requests
    from coordinator.views.answers import HubRow, InstanceRow

_LOOK: Final = 0.5  # seconds between two looks at how far it is


@click.command(epilog="\b\nExamples:\n  midstream drain nas && ssh nas poweroff\n  midstream drain nas --undo")
@click.argument("hub")
@click.option("--undo", is_flag=True, help="It takes functions again, and what had to wait for it goes on.")
@click.option("--wait", metavar="DURATION", default="5m", help="How long to watch (5m); the drain itself goes on.")
@COMMON
def drain(hub: str, *, undo: bool, wait: str, **given: Any) -> int:
    """Empties a hub that is to be switched off, and says when its plug may be pulled.

    Functions move to where they fit; those that fit nowhere are suspended until HUB is back, which is when its machine
    was started again, or with --undo.
    """
    import asyncio

    from coordinator.cli import render
    from devices.errors import RefusedError
    from devices.protocol.durations import seconds

    whom = target(given)
    say = (lambda _: None) if whom.as_json else render.line
    drained = asyncio.run(_undo(whom, hub) if undo else _drain(whom, hub, seconds(wait), say))
    if whom.as_json:
        render.json_document(drained)
    elif undo:
        render.line(f"{hub}: takes functions again" + _going_on(drained))
    elif drained.safe_to_power_off:
        render.line(f"{hub}: safe to power off" + _waiting(drained))
    else:
        raise RefusedError(
            f"{hub} is not safe to power off: {_why_not(drained)}",
            remedy=_remedy(drained) + f"the drain goes on: midstream drain {hub} looks again, --undo ends it",
        )
    return 0 if undo or drained.safe_to_power_off else 1


async def _undo(whom: Target, hub: str) -> Drained:
    from coordinator.cli.requests import Requests
    from coordinator.views.answers import DrainAsk

    async with Requests(whom) as requests:
        rows = [row for row in await _instances(requests) if row.hub == hub]
        return _document(await requests.ask("drain", DrainAsk(hub=hub, undo=True)), rows, rows)


async def _drain(whom: Target, hub: str, seconds: float, say: Callable[[str], None]) -> Drained:
    """Asks for it and watches, until it is done, or all that is left is in the way, or time is over."""
    import asyncio
    import time

    from coordinator.cli.requests import Requests
    from coordinator.views.answers import DrainAsk, HubsAsk

    async with Requests(whom) as requests:
        before = [row for row in await _instances(requests) if row.hub == hub]
        known = {row.instance: (row.hub, row.state) for row in before}
        row: HubRow = await requests.ask("drain", DrainAsk(hub=hub))
        until = time.monotonic() + seconds
        while True:
            now = await _instances(requests)
            for instance in now:
                if instance.instance in known and known[instance.instance] != (instance.hub, instance.state):
                    known[instance.instance] = (instance.hub, instance.state)
                    _tell(hub, instance, say)
            left = [each for each in now if each.hub == hub and each.state != "suspended"]
            stuck = len(row.in_the_way) >= len(left) > 0
            if row.state == "drained" or stuck or time.monotonic() > until:
                return _document(row, before, now)
            await asyncio.sleep(_LOOK)
            (row,) = await requests.ask("hubs", HubsAsk(hub=hub))


async def _instances(requests: Requests) -> list[InstanceRow]:
    from coordinator.views.answers import PsAsk

    rows: list[InstanceRow] = await requests.ask("ps", PsAsk())
    return rows


def _tell(hub: str, row: InstanceRow, say: Callable[[str], None]) -> None:
    if row.hub != hub and row.state == "running":
        say(f"{row.instance} -> {row.hub}")
    elif row.state == "suspended":
        say(f"{row.instance} is suspended: {row.reason}")


def _document(hub: HubRow, before: list[InstanceRow], now: list[InstanceRow]) -> Drained:
    from coordinator.cli.documents import Drained

    ours = {row.instance for row in before}
    return Drained(
        hub=hub.hub,
        state=hub.state,
        safe_to_power_off=hub.safe_to_power_off,
        moved={row.instance: row.hub for row in now if row.instance in ours and row.hub != hub.hub},
        suspended=[row.instance for row in now if row.hub == hub.hub and row.state == "suspended"],
        left=[row.instance for row in now if row.hub == hub.hub and row.state != "suspended"],
        in_the_way=hub.in_the_way,
    )


def _waiting(drained: Drained) -> str:
    return f"; suspended there: {', '.join(drained.suspended)}" if drained.suspended else ""


def _going_on(drained: Drained) -> str:
    return f"; what the drain has suspended goes on: {', '.join(drained.suspended)}" if drained.suspended else ""


def _remedy(drained: Drained) -> str:
    return f"midstream stop {drained.left[0]} ends what is in the way; " if drained.in_the_way and drained.left else ""


def _why_not(drained: Drained) -> str:
    if drained.in_the_way:
        return "; ".join(drained.in_the_way)
    left = ", ".join(drained.left)
    return f"{left} still there" if left else "it has not said yet that all is durable"
