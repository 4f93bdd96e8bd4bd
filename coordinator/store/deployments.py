"""Permission packages that were deployed, and the parts of what is in them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from coordinator.store.guard import table_of
from coordinator.store.schema import Deployment, PackagePart
from devices.errors import RefusedError

UNDER_WAY: Final = "under way"
DEPLOYED: Final = "deployed"
FAILED: Final = "failed"
_AT_A_TIME: Final = 500  # names in one statement


def begin(session: Session, row: Deployment) -> None:
    """Records a package before its hub hears of it."""
    session.add(row)


def end(session: Session, hub: str, version: int, state: str, error: str = "") -> None:
    """Records what became of it."""
    changed = update(table_of(Deployment)).where(Deployment.hub == hub, Deployment.version == version)
    session.execute(changed.values(state=state, error=error))


def newest(session: Session, hub: str) -> int:
    """Returns the highest version that was ever made for a hub; 0 if none was."""
    return session.scalar(select(func.max(Deployment.version)).where(Deployment.hub == hub)) or 0


def in_force(session: Session, hub: str) -> Deployment | None:
    """Returns what was deployed last."""
    found = select(Deployment).where(Deployment.hub == hub, Deployment.state == DEPLOYED)
    return session.scalar(found.order_by(Deployment.version.desc()).limit(1))


def hubs_of_task(session: Session, task: str) -> frozenset[str]:
    """Returns the hubs whose package in force names a task."""
    newest = select(func.max(Deployment.number)).where(Deployment.state == DEPLOYED).group_by(Deployment.hub)
    rows = session.execute(select(Deployment.hub, Deployment.names).where(Deployment.number.in_(newest)))
    return frozenset(hub for hub, names in rows if task in names)


def to_go_back_to(session: Session, hub: str, version: int) -> Deployment:
    """Returns a package that was deployed: a version's, or for 0 the one before the one in force.

    Raises:
        RefusedError: there is none, or its contents are gone.
    """
    found = select(Deployment).where(Deployment.hub == hub, Deployment.state == DEPLOYED)
    rows = list(session.scalars(found.order_by(Deployment.version.desc())))
    wanted = [row for row in rows if row.version == version] if version else rows[1:]
    if not wanted:
        what = f"package {version} was never in force on {hub}" if version else f"{hub} has had no other package"
        raise RefusedError(what, remedy=f"midstream deploy history --hub {hub} lists them")
    if not wanted[0].bundle:
        raise RefusedError(f"what was in package {wanted[0].version} of {hub} is not kept any more")
    return wanted[0]


def history(session: Session, hub: str) -> list[Deployment]:
    """Returns all packages, newest first; of one hub or of all."""
    found = select(Deployment).order_by(Deployment.number.desc())
    return list(session.scalars(found.where(Deployment.hub == hub) if hub else found))


def missing(session: Session, names: Sequence[str]) -> list[str]:
    """Returns the parts that are not here, each once, in order."""
    there: set[str] = set()
    wanted = list(dict.fromkeys(names))
    for start in range(0, len(wanted), _AT_A_TIME):
        some = wanted[start : start + _AT_A_TIME]
        there.update(session.scalars(select(PackagePart.name).where(PackagePart.name.in_(some))))
    return [name for name in wanted if name not in there]


def keep_part(session: Session, name: str, data: bytes) -> None:
    """Keeps a part, once."""
    if session.get(PackagePart, name) is None:
        session.add(PackagePart(name=name, data=data))


def part(session: Session, name: str) -> bytes:
    """Returns a part.

    Raises:
        RefusedError: it is not here.
    """
    row = session.get(PackagePart, name)
    if row is None:
        raise RefusedError(f"part {name[:12]} of a package is not kept any more", remedy="deploy again")
    return row.data


def forget(session: Session, numbers: Iterable[int]) -> None:
    """Lets go of what was in old packages; that there were such stays."""
    session.execute(update(table_of(Deployment)).where(Deployment.number.in_(list(numbers))).values(bundle=b""))


def keep_only(session: Session, names: Collection[str]) -> None:
    """Removes the parts that nobody names."""
    every = set(session.scalars(select(PackagePart.name)))
    gone = sorted(every - set(names))
    for start in range(0, len(gone), _AT_A_TIME):
        session.execute(delete(PackagePart).where(PackagePart.name.in_(gone[start : start + _AT_A_TIME])))
