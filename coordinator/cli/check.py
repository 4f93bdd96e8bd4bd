"""`check`: what in a function cannot travel or be stopped at, before it is deployed. It reads files and runs nothing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from coordinator.cli.starting import split_function
from devices.errors import RefusedError, SourceError

if TYPE_CHECKING:
    from devices.runtime.checking.findings import Checked, Finding
    from devices.runtime.source import Source

_HEADINGS: Final = {"error": "Stops it from being moved", "warning": "Moves badly, without a word"}
_STYLES: Final = {"error": "bold red", "warning": "bold yellow"}


@click.command(
    epilog="\b\nExamples:\n"
    "  midstream check washer.py\n"
    "  midstream check prints.py:fingerprint        # one function of several\n"
    "  midstream check washer.py --json | jq '.findings[] | .kind'\n"
    "\b\nA comment '# midstream: ok' takes back what is said of its line, '# midstream: ok[path]' only of that kind.\n"
    "\b\nExit status: 0 nothing stops it, 1 something does, 2 usage, 4 the file is no Python or has no function."
)
@click.argument("file", metavar="FILE[:FUNCTION]")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, described in docs/schemas.")
def check(file: str, *, as_json: bool) -> int:
    """Reads a function's file and the modules beside it, and says what cannot travel or be stopped at, and why.

    Nothing is run. Errors stop the function from being moved; warnings are about what a move does to it without a word:
    a clock, a path, the environment. What reading cannot show, 'midstream exercise' can: it runs the function.
    """
    from devices.runtime.checking.check import check as checked

    path, function = split_function(file)
    found = checked(_source(path), function)
    _from_here(found, path.parent)
    if as_json:
        from coordinator.cli import render

        render.json_document(found)
    else:
        _show(found)
    return 1 if found.errors else 0


def _source(path: Path) -> Source:
    from devices.runtime.source import read_source

    try:
        return read_source(path)
    except SourceError as error:
        if not path.is_file():
            raise
        raise RefusedError(error.message, place=error.place, remedy=error.remedy) from None


def _from_here(found: Checked, folder: Path) -> None:
    """Gives files the paths that they have from here, as other linters do: an editor finds them."""
    from msgspec.structs import replace

    found.files = [str(folder / file) for file in found.files]
    found.findings = [replace(each, file=str(folder / each.file)) for each in found.findings]


def _show(found: Checked) -> None:
    from coordinator.cli import render

    for severity, heading in _HEADINGS.items():
        those = [each for each in found.findings if each.severity == severity]
        if those:
            _group(heading, severity, those)
    names = ", ".join(function.name for function in found.functions)
    places = sum(function.places for function in found.functions)
    if not found.findings:
        what = "nothing found" if found.silenced else "nothing in it is bound to a hub"
        render.line(f"{names}: can be stopped at {places} places; {what}{_silenced(found)}")
    else:
        counts = [_count(found.errors, "error"), _count(found.warnings, "warning")]
        render.line(f"{names or found.files[0]}: {', '.join(filter(None, counts))}{_silenced(found)}")


def _group(heading: str, severity: str, findings: Iterable[Finding]) -> None:
    from rich.text import Text

    from coordinator.cli import render

    render.line(Text(heading, style=_STYLES[severity]))
    for each in findings:
        place = Text(f"{each.file}:{each.line}:{each.column}: ", style="bold")
        render.line(place + Text(f"{each.kind}: ", style=_STYLES[severity]) + render.text(each.what))
        quote = each.quote.expandtabs()
        stripped = quote.lstrip()
        before = len(each.quote[: each.column - 1].expandtabs()) - (len(quote) - len(stripped))
        render.line(f"{each.line:>6} | {stripped}")
        render.line(f"{'':>6} | {' ' * max(before, 0)}^")
        if each.remedy:
            render.line(Text(f"{'':>6} = ", style="dim") + render.text(each.remedy))
    render.line("")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}" if number else ""


def _silenced(found: Checked) -> str:
    return f", {found.silenced} silenced" if found.silenced else ""
