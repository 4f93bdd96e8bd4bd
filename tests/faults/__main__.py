"""Runs random fault schedules: ``python -m tests.faults --schedules N --seed S``.

Each schedule starts functions in a house of real processes (a broker, a coordinator, three hubs), has foreign devices
publish numbered messages, moves the functions, and breaks things: processes, links, disks, clocks (`schedule.py`). Then
everything is mended, and what the devices sent, what the functions saw and what they said must agree (`oracle.py`).

A breach prints its schedule; ``--schedules 1 --seed`` with its seed plays it again.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import click
import msgspec

from tests.faults import disks_and_clocks, drive
from tests.faults.house import House, NeverError
from tests.faults.report import Report, Row
from tests.faults.schedule import schedule

_COUNTS = ("moves", "messages", "lost", "doubled", "lost_by_broker", "split_brain_outputs", "stuck")
_STAYS = 12
"""Schedules that a house sees; then all begins anew in empty folders."""


@click.command()
@click.option("--schedules", default=24, show_default=True, help="How many; their seeds are SEED, SEED + 1 ...")
@click.option("--seed", default=1, show_default=True, help="Of the first one.")
@click.option("--broker", type=click.Choice(["mosquitto", "embedded"]), default="mosquitto", show_default=True)
@click.option("--jobs", default=2, show_default=True, help="Houses beside each other.")
@click.option("--results", type=click.Path(path_type=Path), help="A file of JSON lines; seeds in it are not run again.")
@click.option("--logs", type=click.Path(path_type=Path), help="Where the logs of a breach go.")
@click.option("--broken", default="-", help="A module of tests.faults.broken: hubs that lack a rule.")
@click.option("--until-breach", is_flag=True, help="Ends with the first breach.")
@click.option("--json", "as_json", is_flag=True, help="The counts as one JSON document.")
def main(**given: Any) -> None:
    """Breaks everything at random, and looks whether anything is lost or doubled."""
    began = time.monotonic()
    rows = asyncio.run(Run(given, disks=disks_and_clocks.own_mounts()).run())
    faults: Counter[str] = sum((Counter(row.faults) for row in rows), Counter())
    totals = {"schedules": len(rows), "faults": faults.total()}
    totals |= {name: sum(getattr(row, name) for row in rows) for name in _COUNTS}
    totals |= {"seconds": round(time.monotonic() - began, 1)}
    breaches = [row for row in rows if row.breached]
    if given["as_json"]:
        left_out: Counter[str] = sum((Counter(row.left_out) for row in rows), Counter())
        told = Report(**totals, breaches=breaches, kinds=dict(faults), left_out=dict(left_out))
        click.echo(msgspec.json.encode(told))
    else:
        click.echo("   ".join(f"{name} {value}" for name, value in totals.items()))
    sys.exit(1 if breaches else 0)


class Run:
    """Schedules on houses beside each other.

    Args:
        given: the options.
        disks: whether mounts are allowed.
    """

    def __init__(self, given: dict[str, Any], *, disks: bool) -> None:
        self._given = given
        self._disks = disks
        results: Path | None = given["results"]
        done = results.read_text().splitlines() if results is not None and results.exists() else []
        self.rows = [msgspec.json.decode(line, type=Row) for line in done]
        ran = {row.seed for row in self.rows}
        seeds = range(given["seed"], given["seed"] + given["schedules"])
        self.rows = [row for row in self.rows if row.seed in seeds]
        left = [schedule(seed, given["broker"]) for seed in seeds if seed not in ran]
        self._left = sorted(left, key=lambda it: (it.turns_clocks, it.seed))

    async def run(self) -> list[Row]:
        """Returns a row for each schedule."""
        with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as folder:
            jobs = min(self._given["jobs"], max(1, len(self._left)))
            await asyncio.gather(*(self._houses(Path(folder) / str(number)) for number in range(jobs)))
        return self.rows

    async def _houses(self, folder: Path) -> None:
        number = 0
        while self._left:
            number += 1
            clocks = self._left[0].turns_clocks
            house = House(folder / str(number), self._given["broker"], self._given["broken"], self._disks, clocks)
            async with house:
                for _ in range(_STAYS):
                    if not self._left or self._left[0].turns_clocks != clocks or not await self._one(house):
                        break

    async def _one(self, house: House) -> bool:
        """Runs the next schedule; returns whether the house is fit for another one."""
        planned = self._left.pop(0)
        row = await drive.run(house, planned)
        self.rows.append(row)
        if self._given["results"] is not None:
            with self._given["results"].open("ab") as file:
                file.write(msgspec.json.encode(row) + b"\n")
        if row.breached:
            if self._given["logs"] is not None:
                drive.keep_logs(house, self._given["logs"] / str(planned.seed))
            click.echo(f"BREACH\n{planned}\n" + "\n".join(f"   ! {word}" for word in row.words), err=True)
            if self._given["until_breach"]:
                self._left.clear()
            return False
        try:
            await house.until(house.complete, "all hubs are online again")
        except NeverError as error:
            click.echo(f"seed {planned.seed}: {error}", err=True)
            return False
        return True


if __name__ == "__main__":
    main()
