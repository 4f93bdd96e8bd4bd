"""Bare `midstream`: is all well, and if not, which one thing is to be done?"""

from __future__ import annotations

from typing import Any

from coordinator.cli.options import target


def overview(given: dict[str, Any]) -> int:
    """Says it in a line or a few; returns 0 only if all is well."""
    from coordinator.cli.requests import ask
    from coordinator.views.answers import NothingAsk

    whom = target(given)
    status = ask(whom, "status", NothingAsk())
    from rich.text import Text

    from coordinator.cli import render, wording
    from devices.errors import printable

    if whom.as_json:
        render.json_document(status)
        return 0 if status.well else 1
    counts = f"hubs {status.hubs_online}/{status.hubs_known}, running {status.running}"
    counts += f", suspended {status.suspended}" if status.suspended else ""
    counts += f", failed {status.failed}" if status.failed else ""
    where = f"{status.site or whom.prefix} on {status.broker} {whom.address.place}, for {wording.since(status.since)}"
    if status.well:
        render.line(Text("all is well", style="bold green") + Text(f": {counts} ({where})"))
        return 0
    first, *more = status.attention or ["something is not as it should be; the coordinator's log says what"]
    render.line(Text("to do: ", style="bold red") + Text(printable(first)))
    for sentence in more:
        render.line(f"then: {sentence}")
    render.line(Text(f"{counts} ({where})", style="dim"))
    return 1
