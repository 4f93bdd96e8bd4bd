"""The tree of an instance as rows."""

from __future__ import annotations

from sqlalchemy.orm import Session

from coordinator.store import instances, lineage
from coordinator.store.database import Store
from coordinator.views.answers import CheckpointRow
from coordinator.views.instances import unknown


async def rows(store: Store, instance: str) -> list[CheckpointRow]:
    """Returns the tree that an instance belongs to, a parent before its children.

    Raises:
        RefusedError: there is none of that name.
    """
    return await store.read(_rows, instance)


def _rows(session: Session, name: str) -> list[CheckpointRow]:
    instance = instances.find(session, name)
    if instance is None:
        raise unknown(name, sorted(instances.names(session)))
    return [_row(node) for node in lineage.tree(session, instance)]


def _row(node: lineage.Node) -> CheckpointRow:
    checkpoint = node.checkpoint
    return CheckpointRow(
        checkpoint=checkpoint.id,
        parent=checkpoint.parent,
        instance=checkpoint.instance,
        branch=node.branch,
        epoch=checkpoint.epoch,
        hub=checkpoint.hub,
        created=checkpoint.created,
        reason=checkpoint.reason,
        bytes=checkpoint.size,
        line=checkpoint.line,
        statement=checkpoint.statement,
        newest=node.newest,
        pinned=node.pinned,
        kept=node.kept,
        unread=checkpoint.unread,
        outputs=checkpoint.outputs,
    )
