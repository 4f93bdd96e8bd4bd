"""`deploy`: who may touch what on a hub, from a site file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from coordinator.cli.options import COMMON, target

if TYPE_CHECKING:
    from coordinator.cli.documents import Change, Planned
    from coordinator.cli.options import Target
    from coordinator.deployment.bundle import Bundle
    from coordinator.deployment.packing import Packed
    from coordinator.views.deployed import DeployAnswer, DeploymentRow

_HUB = click.option("--hub", metavar="HUB", required=True, help="The hub.")
_ONE_HUB = click.option("--hub", metavar="HUB", default="", help="Only this hub; without it all.")
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
    "  midstream deploy plan garden.toml --hub nas      # and what that would change there\n"
    "  midstream deploy plan garden.toml --json | jq '.access.camera'\n"
    "\b\nExit status: 0 ok, 2 the site file says what cannot be; the line is named."
)
@_SITE
@click.option("--hub", metavar="HUB", default="", help="Compare with what is deployed there.")
@COMMON
def plan(site: Path, *, hub: str, **given: Any) -> int:
    """Shows what a site file would become: directories, groups, tasks, and who may touch what.

    Nothing is built. A group is a set of tasks; which local ids it and the roles get, each hub decides.
    """
    from msgspec.structs import asdict

    from coordinator.cli import render
    from coordinator.cli.documents import Planned

    bundled, _ = _packed(site)
    made = Planned(**asdict(bundled.plan()))
    if hub:
        made.against, made.changes = hub, _changes(target(given), hub, bundled)
    if _as_json(given):
        render.json_document(made)
    else:
        _show(made)
    return 0


@deploy.command(
    epilog="\b\nExamples:\n"
    "  midstream deploy push garden.toml --hub nas\n"
    "  midstream deploy push garden.toml --hub nas --restart\n"
    "\b\nExit status: 0 in force, 1 the hub could not build it, 2 the site file says what cannot be, 3 not reachable,\n"
    "4 refused. In all cases but the first the hub has what it had before."
)
@_SITE
@_HUB
@click.option("--restart", is_flag=True, help="Functions that run there go on under it at once, from a checkpoint.")
@COMMON
def push(site: Path, *, hub: str, restart: bool, **given: Any) -> int:
    """Builds a site on a hub, beside what is there, and puts it in force at once.

    Only what the hub has not is sent; a push that was cut goes on where it was. Volumes keep what functions wrote.

    Functions that run keep what they had until they end or move; --restart has them go on under it at once.
    """
    import asyncio

    from coordinator.cli import render

    bundled, packed = _packed(site)
    whom = target(given)
    done = asyncio.run(_push(whom, hub, bundled, packed, restart=restart))
    if whom.as_json:
        render.json_document(done)
    else:
        render.line(f"{hub}: version {done.version} is in force")
        for instance in done.restarted:
            render.line(f"{instance} goes on under it")
        for instance, why in done.not_restarted.items():
            render.line(f"{instance} does not: {why}")
    return int(bool(done.not_restarted))


@deploy.command(
    epilog="\b\nExamples:\n  midstream deploy status\n  midstream deploy status --hub nas --json | jq '.[].drift'\n"
    "\b\nExit status: 0 each hub that was asked is as its package says, 1 one is not or cannot be asked."
)
@_ONE_HUB
@COMMON
def status(*, hub: str, **given: Any) -> int:
    """Shows which package is in force on each hub, and what there differs from it, by path.

    What tasks may change is theirs; of that only a resource that is gone is told.
    """
    from coordinator.cli import render
    from coordinator.cli.requests import ask
    from coordinator.views.deployed import DeploymentsAsk

    whom = target(given)
    rows: list[DeploymentRow] = ask(whom, "deploy-status", DeploymentsAsk(hub=hub))
    if whom.as_json:
        render.json_document(rows)
    else:
        _show_status(rows)
    return int(any(row.drifted or row.version != row.wanted or (row.wanted and row.why) for row in rows))


@deploy.command(epilog="\b\nExamples:\n  midstream deploy history --hub nas")
@_ONE_HUB
@COMMON
def history(*, hub: str, **given: Any) -> int:
    """Shows the packages that were made, newest first."""
    from coordinator.cli import render
    from coordinator.cli.render import Column
    from coordinator.cli.requests import ask
    from coordinator.views.deployed import DeploymentHistoryRow, DeploymentsAsk

    whom = target(given)
    rows: list[DeploymentHistoryRow] = ask(whom, "deploy-history", DeploymentsAsk(hub=hub))
    if whom.as_json:
        render.json_document(rows)
        return 0
    columns = ("HUB", "VERSION", "AT", "STATE", "TASKS", "RESOURCES", "BYTES")
    render.table(
        [
            *(Column(name, right=name in ("VERSION", "TASKS", "RESOURCES", "BYTES")) for name in columns),
            Column("NOTE", flexible=True),
        ],
        [
            (
                it.hub,
                str(it.version),
                it.at,
                it.state,
                str(it.tasks),
                str(it.resources),
                str(it.bytes),
                it.error or it.note,
            )
            for it in rows
        ],
    )
    return 0


@deploy.command(
    epilog="\b\nExamples:\n  midstream deploy rollback --hub nas\n  midstream deploy rollback --hub nas --to 3\n"
    "\b\nExit status: as of push."
)
@_HUB
@click.option("--to", "version", metavar="VERSION", type=int, default=0, help="Which; without it the one before.")
@COMMON
def rollback(*, hub: str, version: int, **given: Any) -> int:
    """Puts an older package in force again, under a new version. Volumes keep what functions wrote."""
    from coordinator.cli import render
    from coordinator.cli.requests import ask
    from coordinator.views.deployed import RollbackAsk

    whom = target(given)
    done: DeployAnswer = ask(whom, "deploy-rollback", RollbackAsk(hub=hub, version=version))
    if whom.as_json:
        render.json_document(done)
    else:
        render.line(f"{hub}: version {done.version} is in force ({done.note})")
    return 0


def _packed(path: Path) -> tuple[Bundle, Packed]:
    from coordinator.deployment.bundle import bundle
    from coordinator.deployment.packing import Packed, package
    from coordinator.deployment.site import read_site

    site = read_site(path)
    packed = Packed(site)
    bundled = bundle(site, packed.resources)
    package(bundled.plan(), bundled.resources, hub="hub", version=1, created="")  # what no hub would take is said here
    return bundled, packed


async def _push(whom: Target, hub: str, bundled: Bundle, packed: Packed, *, restart: bool) -> DeployAnswer:
    from coordinator.cli.requests import Requests
    from coordinator.deployment.bundle import encode
    from coordinator.views.deployed import DeployAsk
    from devices.errors import UnreachableError
    from devices.permissions.package import cut, digest

    ours = {digest(part).hex(): part for part in cut(encode(bundled))}
    before: list[str] = []
    async with Requests(whom) as requests:
        while True:
            answer: DeployAnswer = await requests.ask("deploy", DeployAsk(hub=hub, parts=list(ours), restart=restart))
            if answer.version:
                return answer
            if answer.wants == before:
                raise UnreachableError("parts of the site do not reach the coordinator", remedy="its log says why")
            before = answer.wants
            for name in answer.wants:
                await requests.contribute(name, ours.get(name) or packed.part(bytes.fromhex(name)))


def _changes(whom: Target, hub: str, bundled: Bundle) -> list[Change]:
    from coordinator.cli.documents import Change
    from coordinator.cli.requests import ask
    from coordinator.views.deployed import DeploymentsAsk, SiteRow

    rows: list[SiteRow] = ask(whom, "deploy-site", DeploymentsAsk(hub=hub))
    before, after = {row.what: row.value for row in rows}, bundled.facts()
    return [
        Change(what=what, before=before.get(what, ""), after=after.get(what, ""))
        for what in sorted(before.keys() | after.keys())
        if before.get(what) != after.get(what)
    ]


def _as_json(given: dict[str, Any]) -> bool:
    context = click.get_current_context().find_root()
    return bool(given.get("as_json") or (context.obj or {}).get("as_json"))


def _show_status(rows: Iterable[DeploymentRow]) -> None:
    from coordinator.cli import render
    from coordinator.cli.render import Column

    rows = list(rows)
    render.table(
        [
            Column("HUB"),
            Column("IN FORCE", right=True),
            Column("DEPLOYED", right=True),
            Column("AT"),
            Column("HOW IT IS", flexible=True),
        ],
        [(it.hub, str(it.version or "-"), str(it.wanted or "-"), it.at or "-", _how(it)) for it in rows],
    )
    for row in rows:
        for each in row.drift:
            render.line(f"{row.hub}: {each.path}: {each.what}")
        if row.drifted > len(row.drift):
            render.line(f"{row.hub}: and {row.drifted - len(row.drift)} more")
        for sentence in row.older:
            render.line(f"{row.hub}: {sentence}")
        for name in row.over_quota:
            use = row.volumes[name]
            render.line(f"{row.hub}: volume {name} holds {use.used} bytes, more than its {use.quota}")


def _how(row: DeploymentRow) -> str:
    if row.why:
        return row.why
    if row.drifted:
        return f"{row.drifted} differences"
    return "as its package says" if row.version else "nothing is deployed"


def _show(made: Planned) -> None:
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
    if made.against:
        render.line("")
        if not made.changes:
            render.line(f"nothing changes on {made.against}")
        for change in made.changes:
            render.line(f"{change.what}: {change.before or '-'} -> {change.after or '-'}")
    for each in made.narrowed:
        render.line(
            f"{each.task} writes {each.resource} and may not read it: its confinement sees to that, not the modes"
        )
    for note in made.notes:
        render.line(note)


def _rights(made: Planned, task: str) -> str:
    return ", ".join(f"{name} {right}" for name, right in made.access[task].items() if right) or "-"


def _list(names: Iterable[str]) -> str:
    return ", ".join(names) or "-"
