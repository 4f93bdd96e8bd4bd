"""`apply`: what runs always is a file, `functions.toml`; this shows what it would change, asks, and carries it out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from coordinator.cli.options import COMMON, target
from devices.errors import UsageError

if TYPE_CHECKING:  # `midstream apply --help` must not pay for MQTT
    from collections.abc import Callable

    from coordinator.cli.options import Target
    from coordinator.declared.file import Declared
    from coordinator.views.changed import AppliedRow, ApplyAsk

_USUAL: Final = "functions"
_FROM_ITS_START: Final = ("choose", "begin")


@click.command(
    epilog="\b\nExamples:\n  midstream apply                    # the folder 'functions', or where you stand\n"
    "  midstream apply /etc/midstream/functions --dry-run\n  midstream apply --yes --anew boiler --stop"
)
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only shows what would change.")
@click.option("-y", "--yes", is_flag=True, help="Carries out what is shown without asking, but ends nothing by that.")
@click.option(
    "--anew",
    metavar="INSTANCE",
    multiple=True,
    help="With --yes: what does not fit begins from its start with what is new; repeatable.",
)
@click.option("--stop", is_flag=True, help="With --yes: stops what the file does not have any more.")
@COMMON
def apply(folder: Path | None, *, dry_run: bool, yes: bool, anew: tuple[str, ...], stop: bool, **given: Any) -> int:
    """Brings about what FOLDER/functions.toml declares: starts what is missing, lets changed source go on where it stands.

    What does not fit the changed source is a choice: from its start with the new one, which ends what runs (its checkpoints
    stay), or the old one until it ends. Functions that were started by hand and are not in the file are let alone. Once
    more changes nothing. The exit status is 1 if something is not as the file says afterwards.
    """
    import asyncio

    from coordinator.cli import render

    whom, where = target(given), folder or _usual_folder()
    if whom.as_json and not (dry_run or yes):
        raise UsageError("--json does not ask", remedy="add --dry-run, or --yes")
    asks, rows = asyncio.run(_looked(whom, where))
    say = (lambda _: None) if whom.as_json else render.line
    for row in rows:
        _show(row, say)
    if not dry_run:
        chosen = _given(rows, anew=anew, stop=stop) if yes else _asked(rows)
        rows = asyncio.run(_carried_out(whom, asks, rows, chosen, say))
    if whom.as_json:
        render.json_document(rows)
    unfinished = [row for row in rows if row.error or (not dry_run and not row.done and row.action != "nothing")]
    return 1 if unfinished else 0


def _usual_folder() -> Path:
    from coordinator.declared.file import FILE

    return next((path for path in (Path(_USUAL), Path()) if (path / FILE).is_file()), Path(_USUAL))


async def _looked(whom: Target, folder: Path) -> tuple[list[ApplyAsk], list[AppliedRow]]:
    """Returns what is to be asked for each function, and what would be done about it; those that are gone come last."""
    from coordinator.cli.requests import Requests
    from coordinator.declared import asking
    from coordinator.declared.file import load
    from coordinator.views.answers import PsAsk, TriggersAsk
    from coordinator.views.changed import AppliedRow, ApplyAsk
    from devices.errors import MidstreamError, UnreachableError

    owner = folder.resolve().name
    asks, rows = [], []
    declared = load(folder)
    async with Requests(whom) as requests:
        for each in declared:
            ask = ApplyAsk(instance=each.name, owner=owner)
            try:
                ask = asking.ask(owner, each)
                row = await requests.ask("apply", ask)
            except UnreachableError:
                raise
            except MidstreamError as error:
                row = AppliedRow(instance=each.name, action="refused", why=error.sentence, error=_at(each, error))
            asks.append(ask)
            rows.append(row)
        names = {each.name for each in declared}
        owners = {row.instance: row.declared for row in await requests.ask("ps", PsAsk())}
        owners |= {row.trigger: row.declared for row in await requests.ask("triggers", TriggersAsk())}
        for name in sorted(name for name, whose in owners.items() if whose == owner and name not in names):
            asks.append(ApplyAsk(instance=name, owner=owner, gone=True))
            rows.append(await requests.ask("apply", asks[-1]))
    return asks, rows


def _at(declared: Declared, error: Any) -> str:
    remedy = f"; {error.remedy}" if error.remedy else ""
    return f"{declared.place}: {error.sentence}{remedy}"


def _show(row: AppliedRow, say: Callable[[Any], None]) -> None:
    from rich.text import Text

    from coordinator.cli import wording

    style = "red" if row.error else "dim" if row.action == "nothing" else "yellow" if not row.safe else "green"
    where = f" -> {row.hub}" if row.action in ("start", "begin") and row.hub else ""
    changes = f" ({', '.join(row.changes)})" if row.changes else ""
    starts = f"; it starts {row.starts}" if row.starts and row.action != "nothing" else ""
    why = row.error or f"{row.why}{changes}{starts}"
    say(Text(f"{wording.ACTIONS[row.action]:12}", style=style) + Text(f"{row.instance}{where}: {why}"))
    for sentence in _details(row):
        say(Text(f"{'':12}{sentence}", style="dim"))


def _details(row: AppliedRow) -> list[str]:
    from coordinator.cli.showing import only_fits
    from coordinator.cli.upgrade import frame_in_words

    details = [frame_in_words(frame) for frame in row.frames]
    details += [f"does not land: {obstacle}" for obstacle in row.obstacles]
    if row.action in ("start", "begin") and row.place and (row.hub or row.places):
        details.append(f"{row.hub or 'nowhere'}: {row.place}")
    return details + only_fits(row.places, row.unfit)


def _given(rows: list[AppliedRow], *, anew: tuple[str, ...], stop: bool) -> dict[str, str]:
    """Returns the action by instance that options choose.

    Raises:
        UsageError: ``--anew`` names what is not to be chosen.
    """
    chosen = {row.instance: row.action for row in rows if row.safe or (row.action == "upgrade" and not row.error)}
    possible = {row.instance for row in rows if row.action in (*_FROM_ITS_START, "upgrade", "mend") and not row.error}
    for name in anew:
        if name not in possible:
            raise UsageError(f"{name} has nothing to begin anew with", place="--anew")
    stops = {row.instance: "stop" for row in rows if row.action == "stop" and stop}
    return {**chosen, **dict.fromkeys(anew, "begin"), **stops}


def _asked(rows: list[AppliedRow]) -> dict[str, str]:
    """Returns the action by instance that a person chooses."""
    chosen: dict[str, str] = {}
    plain = [row for row in rows if row.action not in ("nothing", "refused", "choose", "begin", "stop") or row.safe]
    if plain and click.confirm("carry it out?", default=True):
        chosen = {row.instance: row.action for row in plain}
    for row in rows:
        if row.safe or row.error:
            continue
        if row.action == "choose":
            question = (
                f"{row.instance}: what is new from its start (what it holds is given up), or as it is until it ends?"
            )
            if click.prompt(question, type=click.Choice(["new", "old"]), default="old") == "new":
                chosen[row.instance] = "begin"
        elif row.action == "begin" and click.confirm(f"begin {row.instance} from its start? {row.why}", default=False):
            chosen[row.instance] = "begin"
        elif row.action == "stop" and click.confirm(f"stop {row.instance}? {row.why}", default=False):
            chosen[row.instance] = "stop"
    return chosen


async def _carried_out(
    whom: Target, asks: list[ApplyAsk], rows: list[AppliedRow], chosen: dict[str, str], say: Callable[[Any], None]
) -> list[AppliedRow]:
    """Does what was chosen, one after the other; what fails leaves the others to be done."""
    import msgspec

    from coordinator.cli.requests import Requests
    from devices.errors import MidstreamError

    done: list[AppliedRow] = []
    async with Requests(whom) as requests:
        for ask, row in zip(asks, rows, strict=True):
            told = row
            if action := chosen.get(row.instance):
                try:
                    told = await requests.ask("apply", msgspec.structs.replace(ask, action=action))
                    say(_done(told, action))
                except MidstreamError as error:
                    told = msgspec.structs.replace(row, error=error.sentence)
                    say(f"{row.instance}: not done: {error.message}" + (f"\n  {error.remedy}" if error.remedy else ""))
            elif row.action not in ("nothing", "refused"):
                say(f"{row.instance}: {_LEFT.get(row.action, 'left as it is')}")
            done.append(told)
    return done


def _done(row: AppliedRow, action: str) -> str:
    if row.starts and action == "start":
        return f"{row.instance}: starts {row.starts}"
    return f"{row.instance}: {_DONE[action]}" + (f" on {row.hub}" if row.hub and action != "stop" else "")


_DONE: Final = {
    "start": "runs",
    "begin": "runs from its start",
    "upgrade": "goes on with what is new",
    "mend": "goes on with what is new",
    "move": "is where it is declared for",
    "take over": "belongs to the file, and runs as before",
    "stop": "stopped; its checkpoints stay",
}
_LEFT: Final = {
    "choose": "goes on as it is until it ends; `midstream apply` asks again",
    "stop": "runs on, though the file does not have it",
}
