"""The gap of a planned move: from the last statement on one hub to the first on the other, in milliseconds.

A function that does nothing but look at the clock carries a state of a given size back and forth between two hubs of
one machine and notes, each time it finds itself elsewhere, how long it did not run: CLOCK_MONOTONIC is the same for all
processes. The phases are what hubs and coordinator report of the same moves. Everything is real: separate processes,
a broker, fsync at both ends, durability at the coordinator.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any, Final

from benchmarks.spread import percentile
from coordinator.cli.installation import HubPlan, Installation, Plan, broker_for
from coordinator.cli.options import Target
from coordinator.cli.picture import Picture
from coordinator.cli.requests import Requests
from coordinator.cli.running import beside
from coordinator.views import answers
from devices.mqtt.broker import find_mosquitto

SIZES: Final = {"1KB": 1024, "1MB": 1024**2, "16MB": 16 * 1024**2}
"""Bytes of state: random, so that nothing is won by compression."""
HUBS: Final = ("hub-a", "hub-b")
CARRY: Final = '''
import random
import time

from midstream import ctx, function


@function(checkpoint="1h")
def carry(size: int):
    """Looks at the clock, and at where it is."""
    state = random.Random(1).randbytes(size)
    moves, hub, last = 0, ctx.hub, time.monotonic()
    ctx.status("ready", moves=moves)
    while len(state) == size:
        was, before, hub, last = hub, last, ctx.hub, time.monotonic()  # one statement: no stop within
        if was != hub:
            moves += 1
            ctx.status("moved", gap_ms=(last - before) * 1000, moves=moves)
'''


async def measure(broker: str, size: int, moves: int) -> dict[str, Any]:
    """Returns percentiles of the gap, and the medians of the phases, in ms.

    Args:
        broker: ``"mosquitto"`` or ``"embedded"``.
        size: of the state, bytes.
        moves: how many, after two that warm up.
    """
    with tempfile.TemporaryDirectory(prefix="midstream-benchmark-") as folder:
        plan = Plan(
            folder=Path(folder),
            prefix="midstream",
            hubs=tuple(HubPlan(name) for name in HUBS),
            embedded=broker == "embedded",
        )
        with broker_for(plan) as (address, name):
            installation = Installation(plan, address, name, Picture(plan.prefix))
            installation.start_parts()
            try:
                target = Target(address=address, prefix=plan.prefix, named=True, as_json=True)
                results: dict[str, Any] = {}
                await beside(
                    _carried(installation, target, size, moves, results), installation.watch(), installation.guard()
                )
            finally:
                await installation.stop()
    return results


async def _carried(installation: Installation, target: Target, size: int, moves: int, results: dict[str, Any]) -> None:
    await installation.until(installation.ready, "coordinator and hubs did not come")
    gaps: list[float] = []
    phases: dict[str, list[float]] = {}
    async with Requests(target) as requests:
        await requests.ask("run", answers.RunAsk(files={"carry.py": CARRY}, hub=HUBS[0], arguments={"size": size}))
        await _values(requests, lambda row: row.values.get("moves") == 0)
        for number in range(moves + 2):
            moved: answers.MovedAnswer = await requests.ask(
                "migrate", answers.PlaceAsk(instance="carry", hub=HUBS[1 - number % 2])
            )
            row = await _values(requests, lambda row, n=number: row.values.get("moves", 0) > n)
            if number >= 2:  # the first of each hub load the code
                gaps.append(row.values["gap_ms"])
                for phase, spent in moved.phases.items():
                    phases.setdefault(phase, []).append(spent)
    results.update(
        p50_ms=round(percentile(gaps, 50), 2),
        p99_ms=round(percentile(gaps, 99), 2),
        moves=moves,
        blob_bytes=moved.bytes,
        phases={phase: round(percentile(spent, 50), 2) for phase, spent in phases.items()},
    )


async def _values(requests: Requests, reached: Any) -> answers.InstanceRow:
    """Asks until the instance's row is as wanted: its status is on the wire once a second."""
    async with asyncio.timeout(60):
        while True:
            (row,) = await requests.ask("ps", answers.PsAsk(instance="carry"))
            if reached(row):
                return row
            await asyncio.sleep(0.05)


def run(*, moves: int, sizes: list[str], brokers: list[str]) -> dict[str, Any]:
    """Returns ``{broker: {size: {p50_ms, p99_ms, moves, blob_bytes, phases}}}``.

    Raises:
        MidstreamError: a broker cannot be started, or a part dies.
    """
    if find_mosquitto() is None:
        brokers = [broker for broker in brokers if broker != "mosquitto"]
    return {broker: {size: asyncio.run(measure(broker, SIZES[size], moves)) for size in sizes} for broker in brokers}
