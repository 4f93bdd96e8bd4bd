"""`rules`: what each rule sees now; `rules check` and `rules test`, which ask neither broker nor coordinator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from coordinator.cli.options import COMMON, target

if TYPE_CHECKING:  # `midstream rules --help` must not pay for CEL and MQTT
    from coordinator.config import CoordinatorConfig
    from coordinator.rules.files import RuleBook

_FOLDER = click.argument("folder", required=False, type=click.Path(path_type=Path))
_CONFIG = click.option(
    "--config",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The coordinator's TOML file: its rules folder, time zone and prefix count.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, described in docs/schemas.")


@click.group(
    invoke_without_command=True,
    epilog="\b\nExamples:\n  midstream rules\n  midstream rules --rule hot --json | jq '.[0].subjects'\n"
    "  midstream rules check rules\n  midstream record evening.jsonl\n"
    "  midstream rules test --replay evening.jsonl rules",
)
@click.option("--rule", metavar="NAME", default="", help="Only this one, with all that is known of it.")
@COMMON
@click.pass_context
def rules(ctx: click.Context, /, *, rule: str, **given: Any) -> None:
    """The rules in force: each one's present value and threshold, when it fired last, and what keeps it from doing so."""
    if ctx.invoked_subcommand is not None:
        return
    from coordinator.cli.requests import ask
    from coordinator.views.ruled import RulesAsk

    whom = target(given)
    rows = ask(whom, "rules", RulesAsk(rule=rule))
    from coordinator.cli import render, showing_rules

    if whom.as_json:
        render.json_document(rows)
    elif rule:
        render.facts(showing_rules.rule_facts(rows[0]))
        render.table(showing_rules.SUBJECT_COLUMNS, showing_rules.subject_cells(rows[0]))
    elif rows:
        render.table(showing_rules.RULE_COLUMNS, (cells for row in rows for cells in showing_rules.rule_cells(row)))
    else:
        render.line("no rule is in force; docs/rules.md tells how to write one")


@rules.command(
    epilog="\b\nExamples:\n  midstream rules check\n  midstream rules check rules --json\n"
    "\b\nExit status: 0 all are in order, 2 one is not: the error names file, line and remedy."
)
@_FOLDER
@_CONFIG
@_JSON
def check(folder: Path | None, *, config: Path | None, as_json: bool) -> None:
    """Reads the rules of FOLDER, or of one file, as the coordinator would, and says whether they could be put in force.

    Without FOLDER those of the coordinator's configuration, or of the folder 'rules' here.
    """
    from coordinator.cli import render
    from coordinator.rules.builtin import in_force
    from coordinator.views.ruled import CheckedRules

    where, book, _ = _book(folder, config)
    built_in = [rule.name for rule in in_force(book) if rule.builtin]
    found = CheckedRules(
        folder=str(where),
        rules=[rule.name for rule in book.rules],
        disabled=list(book.disabled),
        builtin=built_in,
        topics=book.topics(),
    )
    if as_json:
        render.json_document(found)
        return
    off = f", {len(found.disabled)} turned off: {', '.join(found.disabled)}" if found.disabled else ""
    render.line(f"{_rules(len(found.rules))} in order{off}")
    for rule in book.rules:
        render.line(f"  {rule.place}  {rule.name}")


@rules.command(
    epilog="\b\nExamples:\n  midstream rules test --replay evening.jsonl\n"
    "  midstream rules test --replay evening.jsonl rules --json | jq '.rules[] | {rule, fired: (.fired | length)}'"
)
@click.option(
    "--replay",
    "recording",
    metavar="RECORDING",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="What 'midstream record' wrote: a line of JSON a message.",
)
@_FOLDER
@_CONFIG
@click.option("--timezone", metavar="ZONE", default="", help="Of the site, if no configuration says it: Europe/Berlin.")
@_JSON
def test(recording: Path, folder: Path | None, *, config: Path | None, timezone: str, as_json: bool) -> None:
    """Says which rules of FOLDER would have fired on a recording, and when; with a chart of each on a terminal.

    The rules are judged as the coordinator judges them, with the recording's time. Nothing is moved. A message without
    a time counts as heard a second after the one before.
    """
    from zoneinfo import ZoneInfo

    from coordinator.cli import render, replaying
    from coordinator.recording import read_recording
    from coordinator.rules.builtin import in_force
    from coordinator.rules.replay import replay

    _, book, settings = _book(folder, config, timezone)
    zone = ZoneInfo(settings.timezone)
    seen = replay(in_force(book), read_recording(recording), zone, settings.topics)
    if as_json:
        render.json_document(replaying.tested(seen, str(recording), zone))
    else:
        replaying.show(seen, zone)


def _book(folder: Path | None, config: Path | None, timezone: str = "") -> tuple[Path, RuleBook, CoordinatorConfig]:
    from os import environ

    from coordinator.config import read_config
    from coordinator.rules.files import RuleBook
    from devices.errors import UsageError

    settings = read_config(config, environ, {"timezone": timezone} if timezone else {})
    where = folder or settings.rules or Path("rules")
    if folder is None and settings.rules is None and not where.is_dir():
        raise UsageError("which rules?", remedy="name their folder, or with --config the coordinator's file")
    return where, RuleBook.load(where, settings.functions), settings


def _rules(count: int) -> str:
    return "1 rule is" if count == 1 else f"{count} rules are"
