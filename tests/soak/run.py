"""One function under steady load, moved to and fro between two hubs again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.spread import percentile
from devices.testing.broker import Tap
from tests.acceptance.system import System
from tests.soak.growth import Held, Watch, quarters
from tests.soak.load import FUNCTION, Load, Outcome, all_applied, outcome

LATER: Final = 2.0
"""How many times the delay of the second quarter the last one may have: it is a machine with other work."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a soak found.

    Attributes:
        outcome: of the numbers.
        gaps: milliseconds in which nothing ran, one for each move.
        held: by process.
        seconds: that it took.
    """

    outcome: Outcome
    gaps: Sequence[float]
    held: dict[str, Held]
    seconds: float

    @property
    def delays(self) -> list[float]:
        """Medians of the seconds from a number to the word of it, by quarters."""
        return [round(percentile(part, 50), 4) for part in quarters(self.outcome.delays)]

    @property
    def breaches(self) -> list[str]:
        """What must not be, in words; empty if all is well."""
        found = self.outcome
        said = [
            f"{count} numbers {what}" for what, count in (("lost", found.lost), ("doubled", found.doubled)) if count
        ]
        said += [f"{found.wrong} wrong totals"] if found.wrong else []
        said += [f"{name} grows: {held}" for name, held in self.held.items() if not held.flat]
        _, second, _, last = self.delays
        return said + ([f"the lag grows: {self.delays} s"] if last > LATER * second else [])

    def as_json(self) -> dict[str, Any]:
        """Returns what `--json` prints."""
        found = self.outcome
        return {
            "moves": len(self.gaps),
            "messages": found.messages,
            "lost": found.lost,
            "doubled": found.doubled,
            "wrong": found.wrong,
            "gap_ms": {str(share): round(percentile(self.gaps, share), 1) for share in (50, 90, 99, 100)},
            "delay_s": self.delays,
            "held": {name: asdict(held) for name, held in self.held.items()},
            "breaches": self.breaches,
            "seconds": round(self.seconds, 1),
        }


def soak(
    folder: Path,
    *,
    broker: str,
    seconds: float,
    every: float,
    rate: float,
    moves: int | None = None,
    moved: Callable[[int, float], None] = lambda _number, _gap: None,
) -> Report:
    """Runs it.

    Args:
        folder: of all parts.
        broker: ``"mosquitto"`` or ``"embedded"``.
        seconds: for which it moves.
        every: seconds from the begin of a move to that of the next.
        rate: numbers a second of each of two publishers.
        moves: ends it after so many, whatever the seconds.
        moved: is told each move's number and its gap in ms.
    """
    (folder / "ledger.py").write_text(FUNCTION)
    begun, gaps = time.monotonic(), []
    with System(folder, broker) as system, Tap(system.address, "numbers/#", "applied/#") as tap:
        system.command("run", str(folder / "ledger.py"), "--on", "hub-a")
        system.until(lambda: system.instance("ledger")["waiting"], "the function listens")
        with Watch({name: process.pid for name, process in system.processes.items()}) as watch:
            with Load(system.address, rate) as load:
                while (len(gaps) < moves) if moves else (time.monotonic() - begun < seconds):
                    next_one = time.monotonic() + every
                    there = "hub-b" if len(gaps) % 2 == 0 else "hub-a"
                    gaps.append(system.ask("migrate", "ledger", "--to", there)["downtime_ms"])
                    moved(len(gaps), gaps[-1])
                    time.sleep(max(0.0, next_one - time.monotonic()))
            if load.failures:
                raise load.failures[0]
            tap.wait(lambda heard: all_applied(heard, load.sent), 60)
        return Report(outcome(tap), gaps, watch.held(), time.monotonic() - begun)
