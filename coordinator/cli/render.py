"""What the command line writes to stdout: JSON for programs; for people tables, facts and trees.

On a terminal a table fits the width and carries colour. In a pipe it is plain text, a line a row, and nothing is cut:
`midstream ps | grep washer` must find what is there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import click
import msgspec
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from devices.errors import printable

_PIPE: Final = 10_000
"""Columns where nothing has to fit: lines are not filled up to them."""


class Column(NamedTuple):
    """A table's column; ``flexible`` ones give way when the terminal is narrow, ``right`` ones hold numbers."""

    title: str
    right: bool = False
    flexible: bool = False


def console() -> Console:
    """Returns a console on the stdout of now; it knows terminals, widths and ``NO_COLOR``; a pipe has no width."""
    return Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else _PIPE)


def json_document(value: Any) -> None:
    """Writes one JSON document: indented for a terminal, compact in a pipe."""
    document = msgspec.json.encode(value)
    click.echo(msgspec.json.format(document, indent=2) if sys.stdout.isatty() else document)


def json_line(value: Any) -> None:
    """Writes one JSON document on one line, at once: a stream's element."""
    click.echo(msgspec.json.encode(value))
    sys.stdout.flush()


def table(columns: Sequence[Column], rows: Iterable[Sequence[Text | str]]) -> None:
    """Writes a table."""
    cleaned = [[text(cell) for cell in row] for row in rows]
    screen = console()
    if screen.is_terminal:
        screen.print(fitted(columns, cleaned))
    else:
        _plain_table(columns, [[cell.plain for cell in row] for row in cleaned])


def facts(entries: Iterable[tuple[str, Text | str]]) -> None:
    """Writes names and values under one another; what is empty is left out."""
    screen, kept = console(), [(name, text(value)) for name, value in entries if value]
    width = max((len(name) for name, _ in kept), default=0) + 2
    for name, value in kept:
        indented = Text(f"\n{' ' * width}").join(value.split("\n"))
        screen.print(Text(name.ljust(width), style="dim") + indented, soft_wrap=True)


def line(words: Text | str) -> None:
    """Writes one line, cut nowhere."""
    console().print(text(words), soft_wrap=True)


def text(cell: Text | str) -> Text:
    """Returns a cell as text; what comes from elsewhere must not move the cursor."""
    return cell if isinstance(cell, Text) else Text(printable(cell))


def fitted(columns: Sequence[Column], rows: Iterable[Sequence[Text]]) -> Table:
    """Returns a table for a terminal: a row is a line, and where that is too long the flexible columns are cut first.

    To rich a column that may wrap gives way before one that may not; its cells then must not wrap by themselves.
    """
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        justify: JustifyMethod = "right" if column.right else "left"
        drawn.add_column(column.title, justify=justify, no_wrap=not column.flexible, overflow="ellipsis")
    for row in rows:
        for cell in row:
            cell.no_wrap, cell.overflow = True, "ellipsis"
        drawn.add_row(*row)
    return drawn


def _plain_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    titles = [column.title for column in columns]
    widths = [max(map(len, cells)) for cells in zip(titles, *rows, strict=True)]
    for row in (titles, *rows):
        padded = (
            cell.rjust(width) if column.right else cell.ljust(width)
            for cell, width, column in zip(row, widths, columns, strict=True)
        )
        click.echo("  ".join(padded).rstrip())
