"""`why`: why an instance moved, stopped, failed, or is where it is."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

import click

from coordinator.cli.options import COMMON, target
from devices.errors import UsageError

if TYPE_CHECKING:
    from coordinator.cli.documents import Why
    from coordinator.views.reason import WhyRow

_SINCE: Final = "24h"
_EXAMPLE: Final = 'write it like 12h, 22:00, 2026-11-24 or "2026-11-24 22:00"'
_INDENT: Final = " " * 4


@click.command(
    epilog="\b\nExamples:\n  midstream why washer\n  midstream why washer --since 7d\n"
    '  midstream why washer --since "2026-11-24 22:00" --json'
)
@click.argument("instance")
@click.option(
    "--since",
    metavar="WHEN",
    default=_SINCE,
    help="How far back (24h): a duration, a time of day, a date, or both; by this machine's clock and zone.",
)
@COMMON
def why(instance: str, since: str, **given: Any) -> None:
    """Why an instance moved, stopped or failed, and why it is where it is: rule, value, threshold, choice; oldest first.

    Where nothing has moved it since then, the last time that something did is told too.
    """
    import asyncio

    whom = target(given)
    begin = beginning(since, datetime.now().astimezone())
    told = asyncio.run(_asked(whom, instance, begin))
    from coordinator.cli import render

    if whom.as_json:
        render.json_document(told)
    else:
        _show(told, since)


def beginning(text: str, now: datetime) -> datetime:
    """Returns the time that ``--since`` means.

    Args:
        text: a duration (``12h``), a time of day (the latest one, ``22:00``), a date, or a date and a time.
        now: the present, with the zone in which a person reads the clock.

    Raises:
        UsageError: none of these.
    """
    from devices.protocol import durations

    if any(sign in text for sign in ":-"):
        try:
            if "-" in text:
                moment = datetime.fromisoformat(text)
                return moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)
            clock = time.fromisoformat(text)
        except ValueError:
            raise UsageError(f"{text!r} is no time", place="--since", remedy=_EXAMPLE) from None
        today = datetime.combine(now.date(), clock, clock.tzinfo or now.tzinfo)
        return today if today <= now else today - timedelta(days=1)
    try:
        return now - timedelta(seconds=durations.seconds(text))
    except (UsageError, OverflowError):
        raise UsageError(f"{text!r} is no time", place="--since", remedy=_EXAMPLE) from None


async def _asked(whom: Any, instance: str, since: datetime) -> Why:

    from coordinator.cli.documents import Why
    from coordinator.cli.requests import Requests
    from coordinator.moment import spelled
    from coordinator.views.answers import PsAsk, TriggersAsk
    from coordinator.views.reason import WhyAsk

    async with Requests(whom) as requests:
        rows = await requests.ask("why", WhyAsk(instance=instance, since=spelled(since)))
        for trigger in await requests.ask("triggers", TriggersAsk()):
            if trigger.trigger == instance:
                due = f"due {trigger.due}" if trigger.due else ""
                return Why(
                    instance=instance,
                    state="suspended" if trigger.state == "suspended" else "running",
                    hub=trigger.hub,
                    since=trigger.since,
                    reason=trigger.starts,
                    waiting=due or ", ".join(trigger.on),
                    rows=rows,
                )
        (row,) = await requests.ask("ps", PsAsk(instance=instance))
    return Why(
        instance=row.instance,
        state=row.state,
        hub=row.hub,
        since=row.since,
        reason=row.reason,
        waiting=row.waiting,
        rows=rows,
    )


def _show(told: Why, since: str) -> None:
    from rich.text import Text

    from coordinator.cli import render, showing, wording

    head = Text(f"{told.instance} is ") + showing.state(told.state) + (f" on {told.hub}" if told.hub else "")
    head += Text(f" since {wording.clock(told.since)}" + (f", waiting for {told.waiting}" if told.waiting else ""))
    render.line(head)
    for row in told.rows:
        render.line(
            Text(f"{wording.clock(row.at)}  ", style="dim")
            + render.text(row.did or row.why)
            + Text("  (before that)" if row.earlier else "", style="dim")
        )
        for sentence in sentences(row):
            render.line(_INDENT + sentence)
    if all(row.earlier for row in told.rows):
        render.line(f"nothing else has happened to it since {since}")


def sentences(row: WhyRow) -> list[str]:
    """Returns why something happened, a sentence for each reason: who or which rule, the value, the choice."""
    cause = row.why if row.did else ""
    if row.by.startswith("rule "):
        measured = ""
        if row.value is not None:
            against = f", threshold {row.threshold:g}" if row.threshold is not None else ""
            measured = f" ({row.metric} {row.value:g}{against})".replace("( ", "(")
        cause = f"{row.by}: {cause}{measured}"
    chosen = [f"why {row.hub}: {row.place}"] if row.place else []
    refused = [f"not {hub}: it {reason}" for hub, reason in row.refused.items()]
    took = [f"nothing ran for {row.downtime_ms:.0f} ms"] if row.downtime_ms else []
    return [sentence for sentence in (cause, *chosen, *refused, *took) if sentence]
