"""`logs` and `events`: what was, and with ``-f`` what comes.

With ``-f --json`` each is a document on a line of its own, the old ones too: a stream has no end at which a list
could be closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import click

from coordinator.cli.options import COMMON, Target, target

_FOLLOW = click.option("-f", "--follow", is_flag=True, help="Go on with each new one, until Ctrl-C.")
_LAST = click.option("-n", "--last", metavar="N", type=click.IntRange(0, 1000), help="How many old ones.")


@click.command(epilog="\b\nExamples:\n  midstream logs washer\n  midstream logs washer -f")
@click.argument("instance")
@_FOLLOW
@_LAST
@COMMON
def logs(instance: str, *, follow: bool, last: int | None, **given: Any) -> None:
    """What an instance printed and logged, on whichever hub it was."""
    from coordinator.cli.showing import log_line
    from coordinator.views.answers import LogRow, LogsAsk
    from devices.protocol.topics import Topics, check_name

    whom = target(given)
    asked = LogsAsk(instance=instance, last=100 if last is None else last)
    topic = Topics(whom.prefix).instance(check_name("instance", instance), "log")
    asyncio.run(_stream(whom, "logs", asked, words=log_line, following=(topic, LogRow) if follow else None))


@click.command(
    epilog="\b\nExamples:\n  midstream events\n  midstream events --instance washer\n  midstream events -f --json"
)
@_FOLLOW
@_LAST
@click.option("--instance", metavar="INSTANCE", default="", help="Only those about an instance.")
@click.option("--hub", metavar="HUB", default="", help="Only those about a hub.")
@COMMON
def events(*, follow: bool, last: int | None, instance: str, hub: str, **given: Any) -> None:
    """What happened, what was done about it and why, oldest first."""
    from coordinator.cli.showing import event_line
    from coordinator.views.answers import EventRow, EventsAsk
    from devices.protocol.topics import Topics

    def wanted(event: EventRow) -> bool:
        return instance in ("", event.instance) and hub in ("", event.hub)

    whom = target(given)
    asked = EventsAsk(last=50 if last is None else last, instance=instance, hub=hub)
    topic = Topics(whom.prefix).event("+")
    asyncio.run(
        _stream(whom, "events", asked, words=event_line, following=(topic, EventRow) if follow else None, wanted=wanted)
    )


async def _stream(
    whom: Target,
    question: str,
    asked: Any,
    *,
    words: Callable[[Any], Any],
    following: tuple[str, Any] | None,
    wanted: Callable[[Any], bool] = lambda _: True,
) -> None:
    from coordinator.cli import render
    from coordinator.cli.requests import asked as answer_to
    from coordinator.cli.watching import messages_on

    def show(row: Any) -> None:
        if whom.as_json:
            render.json_line(row)
        else:
            render.line(words(row))

    if following is None:
        rows = await answer_to(whom, question, asked)
        if whom.as_json:
            render.json_document(rows)
            return
        for row in rows:
            show(row)
        return
    topic, kind = following
    async with messages_on(whom, topic, kind) as arriving:  # subscribed before the old ones are asked for: no gap
        for row in await answer_to(whom, question, asked):
            show(row)
        async for row in arriving:
            if wanted(row):
                show(row)
