"""``python -m tests.soak``: an hour of moves under steady load; exit status 1 if anything was lost, doubled or grows."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import click

from benchmarks.machine import describe
from tests.soak.run import Report, soak


@click.command(help=__doc__)
@click.option("--minutes", default=60.0, show_default=True, help="For how long it moves.")
@click.option("--every", default=3.0, show_default=True, help="Seconds from one move to the next.")
@click.option("--rate", default=20.0, show_default=True, help="Numbers a second of each of two publishers.")
@click.option("--broker", type=click.Choice(["mosquitto", "embedded"]), default="mosquitto", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The report for programs.")
def main(minutes: float, every: float, rate: float, broker: str, as_json: bool) -> None:
    """Runs it and prints the report."""
    with tempfile.TemporaryDirectory() as folder:
        report = soak(
            Path(folder), broker=broker, seconds=60 * minutes, every=every, rate=rate,
            moved=lambda number, gap: click.echo(f"\rmove {number}: {gap:.0f} ms ", nl=False, err=True),
        )  # fmt: skip
    click.echo(err=True)
    if as_json:
        click.echo(json.dumps(report.as_json() | {"machine": describe()}))
    else:
        _print(report)
    sys.exit(1 if report.breaches else 0)


def _print(report: Report) -> None:
    told = report.as_json()
    machine = describe()
    click.echo(f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}")
    counts = ", ".join(f"{told[what]} {what}" for what in ("moves", "messages", "lost", "doubled", "wrong"))
    click.echo(f"{counts} in {told['seconds']:.0f} s")
    click.echo("gap of a move in ms: " + ", ".join(f"p{share} {gap}" for share, gap in told["gap_ms"].items()))
    click.echo(f"from a number to the word of it, medians of the run's quarters in s: {report.delays}")
    click.echo(f"{'process':<24}{'MiB in each quarter':<32}descriptors")
    for name, held in report.held.items():
        click.echo(f"{name:<24}{held.memory!s:<32}{held.descriptors}")
    for breach in report.breaches:
        click.echo(f"BREACH: {breach}")


if __name__ == "__main__":
    main()
