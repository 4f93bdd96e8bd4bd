"""`upgrade`: a running or suspended function goes on with changed source, where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from coordinator.cli.options import COMMON, target
from coordinator.cli.starting import split_function

if TYPE_CHECKING:
    from coordinator.views.changed import UpgradeAnswer, UpgradeFrame


@click.command(
    epilog="\b\nExamples:\n  midstream upgrade washer washer.py --dry-run   # where each frame would land\n"
    "  midstream upgrade washer washer.py"
)
@click.argument("instance")
@click.argument("file", metavar="FILE[:FUNCTION]")
@click.option("--dry-run", is_flag=True, help="Only says where each frame would land, or why it cannot.")
@COMMON
def upgrade(instance: str, file: str, *, dry_run: bool, **given: Any) -> int:
    """Lets an instance go on with changed source, at the statement where it stands; a suspended one goes on too.

    All of it lands, or nothing is changed: then the instance stays with the source that it has. The checkpoint of before
    is kept, and `restore` can go back to it.
    """
    from devices.runtime.source import read_source

    path, function = split_function(file)
    files = read_source(path).files
    whom = target(given)
    from coordinator.cli.requests import ask
    from coordinator.views.changed import UpgradeAsk

    asked = UpgradeAsk(instance=instance, files=files, function=function, dry_run=dry_run)
    answer = ask(whom, "upgrade", asked)
    from coordinator.cli import render

    if whom.as_json:
        render.json_document(answer)
    else:
        _show(answer)
    return 0 if answer.lands else 1


def _show(answer: UpgradeAnswer) -> None:
    from coordinator.cli import render, wording

    for frame in answer.frames:
        render.line(frame_in_words(frame))
        if frame.statement:
            render.line(f"  {frame.statement}")
    for obstacle in answer.obstacles:
        render.line(f"does not land: {obstacle}")
    if answer.kept:
        render.line(f"globals that keep their values: {', '.join(answer.kept)}")
    if not answer.epoch:
        render.line(f"{answer.instance} is a trigger: the runs to come have the new source")
        return
    if not answer.frames and answer.lands:
        render.line(f"{answer.instance} has not started yet: it starts with the new source")
    if answer.upgraded:
        took = wording.milliseconds(answer.downtime_ms)
        render.line(f"{answer.instance} goes on with the new source on {answer.hub}, {took}")
        render.line(f"  back to the old one: midstream restore {answer.checkpoint} --as-new")
    elif answer.lands:
        render.line(f"{answer.instance} can go on with the new source; nothing was changed")
    else:
        render.line(f"{answer.instance} stays with the source that it has")


def frame_in_words(frame: UpgradeFrame) -> str:
    """Says where a frame lands, or why it does not."""
    what = f"{frame.function}() {frame.file}:{frame.line}" + (" (a generator that waits)" if frame.waiting else "")
    return f"{what}: {frame.reason}" if frame.reason else f"{what} -> line {frame.new_line}"
