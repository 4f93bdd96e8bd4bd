"""`midstream completion`: the shell's own script, made by click."""

from __future__ import annotations

from typing import Any

import click
from click.shell_completion import get_completion_class

_HOW = {
    "bash": "midstream completion bash > ~/.local/share/bash-completion/completions/midstream",
    "zsh": "midstream completion zsh > ~/.zfunc/_midstream",
    "fish": "midstream completion fish > ~/.config/fish/completions/midstream.fish",
}


@click.command(epilog="\b\nExamples:\n" + "\n".join(f"  {line}" for line in _HOW.values()))
@click.argument("shell", type=click.Choice(list(_HOW)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Prints the completion script for a shell."""
    kind = get_completion_class(shell)
    assert kind is not None, "click has all three"
    options: dict[str, Any] = {}
    click.echo(kind(ctx.find_root().command, options, "midstream", "_MIDSTREAM_COMPLETE").source())
