"""`lineage`: the tree of an instance's checkpoints."""

from __future__ import annotations

from typing import Any

import click

from coordinator.cli.options import COMMON, target


@click.command(epilog="\b\nExample:\n  midstream lineage washer")
@click.argument("instance")
@COMMON
def lineage(instance: str, **given: Any) -> None:
    """The tree of an instance's checkpoints: where each was made, why, how large it is; branches included."""
    from coordinator.cli.requests import ask
    from coordinator.views.answers import LineageAsk

    whom = target(given)
    rows = ask(whom, "lineage", LineageAsk(instance=instance))
    from coordinator.cli import render
    from coordinator.cli.trees import lineage_tree

    if whom.as_json:
        render.json_document(rows)
    else:
        render.console().print(lineage_tree(instance, rows), soft_wrap=True)
