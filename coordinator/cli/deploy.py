"""`deploy`: who may touch what on a hub, from a site file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from coordinator.deployment.plan import Plan

_SITE = click.argument("site", metavar="SITE", type=click.Path(dir_okay=False, path_type=Path))


@click.group(no_args_is_help=False, context_settings={"help_option_names": ["-h", "--help"]})
def deploy() -> None:
    """Divides a hub's files among functions, from afar.

    A site file (TOML) names data resources, tasks, a user role for each task, and what each may read or write
    (docs/permissions.md). The hub's own users, groups and files are neither known nor touched.
    """


@deploy.command(
    epilog="\b\nExamples:\n"
    "  midstream deploy plan garden.toml\n"
    "  midstream deploy plan garden.toml --json | jq '.access.camera'\n"
    "\b\nExit status: 0 ok, 2 the site file says what cannot be; the line is named."
)
@_SITE
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, described in docs/schemas.")
def plan(site: Path, *, as_json: bool) -> int:
    """Shows what a site file would become: directories, groups, tasks, and who may touch what.

    Nothing is sent anywhere. A group is a set of tasks; which local ids it and the roles get, each hub decides.
    """
    from coordinator.cli import render
    from coordinator.deployment.plan import plan as planned
    from coordinator.deployment.site import read_site

    wanted = read_site(site)
    made = planned(wanted.resources, wanted.wishes)
    if as_json:
        render.json_document(made)
    else:
        _show(made)
    return 0


def _show(made: Plan) -> None:
    from coordinator.cli import render
    from coordinator.cli.render import Column

    render.table(
        [Column("DIRECTORY"), Column("MODE"), Column("GROUP", flexible=True), Column("RESOURCES", flexible=True)],
        [(it.path, it.mode, it.group or "-", _list(it.resources)) for it in made.directories],
    )
    render.line("")
    render.table(
        [Column("GROUP"), Column("TASKS", flexible=True)],
        [(group, _list(tasks)) for group, tasks in made.groups.items()],
    )
    render.line("")
    render.table(
        [Column("TASK"), Column("ROLE"), Column("MAY", flexible=True)],
        [(task, grants.role, _rights(made, task)) for task, grants in made.tasks.items()],
    )
    for each in made.narrowed:
        render.line(
            f"{each.task} writes {each.resource} and may not read it: its confinement sees to that, not the modes"
        )
    for note in made.notes:
        render.line(note)


def _rights(made: Plan, task: str) -> str:
    return ", ".join(f"{name} {right}" for name, right in made.access[task].items() if right) or "-"


def _list(names: Iterable[str]) -> str:
    return ", ".join(names) or "-"
