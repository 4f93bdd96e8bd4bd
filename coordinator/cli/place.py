"""`place`: where could it go? Asked at the desk, not at three in the morning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from coordinator.cli.options import COMMON, target

if TYPE_CHECKING:  # `midstream place --help` must not pay for MQTT
    from coordinator.views.answers import PlacesAsk
    from coordinator.views.placed import PlaceRow, PlacesAnswer


@click.command(
    epilog="\b\nExamples:\n  midstream place washer          # an instance, or a function that was started before\n"
    "  midstream place photos.py       # before it is run\n  midstream place washer --json | jq -r .best"
)
@click.argument("what", metavar="INSTANCE|FUNCTION|FILE[:FUNCTION]")
@COMMON
def place(what: str, **given: Any) -> int:
    """Tells for each hub whether a function fits there, its points part by part, or what is missing.

    Hard requirements come first (`needs` of @function); among the hubs that meet them the points decide. Where no hub
    fits, it says which requirement none meets, or who would make room for it. Exit status 1 if it could go nowhere.
    """
    from coordinator.cli import render
    from coordinator.cli.requests import ask

    whom = target(given)
    answer = ask(whom, "place", _question(what))
    if whom.as_json:
        render.json_document(answer)
    else:
        _show(answer)
    return 0 if answer.best or answer.room else 1


def _question(what: str) -> PlacesAsk:
    from coordinator.cli.starting import split_function
    from coordinator.views.answers import PlacesAsk

    path, function = split_function(what)
    if path.suffix != ".py":
        return PlacesAsk(name=what)
    from devices.runtime.source import read_source

    return PlacesAsk(files=read_source(path).files, function=function)


def _show(answer: PlacesAnswer) -> None:
    from coordinator.cli import render
    from coordinator.cli.render import Column

    columns = (
        Column("hub"),
        Column("points", right=True),
        Column("made of", flexible=True),
        Column("why", flexible=True),
    )
    if answer.requires:
        render.line(f"{answer.name} needs {', '.join(answer.requires)}")
    if answer.hubs:
        render.table(columns, map(_cells, answer.hubs))
    else:
        render.line("no hub has ever been here; start one on each machine: midstream hub --name NAME")
    if answer.room:
        render.line(f"room can be made on {answer.room}")
    elif answer.verdict:
        render.line(answer.verdict)


def _cells(row: PlaceRow) -> tuple[str, str, str, str]:
    name = f"{row.hub} (here)" if row.here else row.hub
    if not row.fits:
        return name, "", "does not fit", "; ".join(row.unmet) or row.why
    made_of = " ".join(f"{part.part} {part.points:+.0f}" for part in row.parts if part.points)
    return name, f"{row.points:.0f}", made_of, row.why
