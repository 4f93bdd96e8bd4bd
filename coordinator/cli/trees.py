"""The lineage as a tree.

A chain of hundreds of checkpoints in one line of descent would walk off the right edge if each were drawn below its
parent. So a chain stays at one depth, and only a branch goes deeper: what `git log --graph` does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from rich.text import Text
from rich.tree import Tree

from coordinator.cli import wording
from coordinator.views.answers import CheckpointRow
from devices.errors import printable


def lineage_tree(instance: str, rows: Sequence[CheckpointRow]) -> Tree:
    """Returns the tree of an instance's checkpoints; ``rows`` have a parent before its children."""
    children: defaultdict[str, list[CheckpointRow]] = defaultdict(list)
    known = {row.checkpoint for row in rows}
    for row in rows:
        children[row.parent if row.parent in known else ""].append(row)
    root = Tree(Text(instance, style="bold"), guide_style="dim")
    pending = [(root, row) for row in reversed(children[""])]
    while pending:
        branch, row = pending.pop()
        node = branch.add(_label(row))
        following = children[row.checkpoint]
        trunk = next((child for child in following if child.branch == row.branch), None)
        if trunk is not None:
            pending.append((branch, trunk))
        pending.extend((node, child) for child in reversed(following) if child is not trunk)
    return root


def _label(row: CheckpointRow) -> Text:
    text = Text(row.checkpoint, style="bold green" if row.newest else "" if row.kept else "dim")
    text.append(f"  {wording.clock(row.created)}", style="dim")
    text.append(f"  {row.hub}", style="cyan")
    text.append(f"  {wording.size(row.bytes)}  {printable(row.reason)}")
    if row.line:
        text.append(f"  {printable(row.line)}", style="yellow")
    if row.unread:
        text.append(f"  {row.unread} unread", style="dim")
    if row.instance and row.branch > 1:
        text.append(f"  {row.instance}", style="magenta")
    if row.newest:
        text.append("  newest", style="bold green")
    if not row.kept:
        text.append("  no longer kept", style="dim")
    return text
