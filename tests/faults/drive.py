"""Runs one schedule in a house: starts the functions, lets things break, mends all, waits for quiet, and has it judged."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import signal
import time
import traceback
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final

import psutil

from coordinator.views import answers
from devices.errors import MidstreamError
from devices.runtime.source import read_source
from tests.faults import disks_and_clocks
from tests.faults.foreign import Account, Device, Parrot, say_with_mosquitto_pub
from tests.faults.house import House
from tests.faults.oracle import Ears, Heard, Verdict, Witness, judge
from tests.faults.report import Row
from tests.faults.schedule import LONGEST, SECONDS, SILENCE, Schedule, Step

QUIET: Final = 120.0
"""Seconds after the last fault within which each function must answer: a move that waits for a dead hub takes 60."""
_ANSWERS: Final = 4.0  # seconds between two questions whether it has come to rest
_LEDGER: Final = Path(__file__).with_name("ledger.py")


class Drive:
    """One schedule on its way.

    Args:
        house: where.
        schedule: what.
    """

    def __init__(self, house: House, schedule: Schedule) -> None:
        self._house = house
        self._schedule = schedule
        self._chance = random.Random(schedule.seed)
        self._names = [f"l{schedule.seed}-{number}" for number in range(len(schedule.functions))]
        self._accounts: list[dict[tuple[str, str], Account]] = [{} for _ in self._names]
        self._ends = [0] * len(self._names)
        self._broker_deaths: list[float] = []
        self._numbers: Counter[tuple[int, str]] = Counter()
        self.moves = self.messages = 0
        self.faults: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self.verdict = Verdict()

    async def run(self) -> Verdict:
        """Returns what was found."""
        house, address = self._house, self._house.broker.address
        house.ended.clear()
        places = [f"{self._schedule.seed}-{number}" for number in range(len(self._names))]
        ears = [Ears(address, place) for place in places]
        witnesses = [Witness(address, place) if self._schedule.breaks_broker else None for place in places]
        self._devices = [
            {name: Device(address, place, name, accounts) for name in ("plug", "meter", "end")}
            for place, accounts in zip(places, self._accounts, strict=True)
        ]
        try:
            await self._start(places)
            moves = await self._storm(places)
            await self._calm(ears)
            for task in moves:
                task.cancel()
            await asyncio.gather(*moves, return_exceptions=True)
            for number, name in enumerate(self._names):
                reconnects = sum(device.reconnects for device in self._devices[number].values())
                accounts = {key: it for key, it in self._accounts[number].items() if key[0] != "end"}
                self.messages += sum(account.sent for account in accounts.values())
                heard = Heard(number, accounts, ears[number], witnesses[number], reconnects, self._broker_deaths)
                judge(self._schedule, heard, self.verdict)
                if self.verdict.breached:
                    await self._note_history(name)
                await house.asked("stop", answers.InstanceAsk(instance=name))
        finally:
            for device in [device for devices in self._devices for device in devices.values()]:
                device.leave()
            for listener in [*ears, *(witness for witness in witnesses if witness is not None)]:
                listener.leave()
        self.verdict.words += house.ended
        return self.verdict

    async def _note_history(self, name: str) -> None:
        """Notes beside the logs what the coordinator knows of a function, for whoever looks into a breach."""
        rows = [
            *(await self._house.asked("lineage", answers.LineageAsk(instance=name)) or []),
            *(await self._house.asked("events", answers.EventsAsk(last=200, instance=name)) or []),
        ]
        (self._house.folder / f"{name}.log").write_text("\n".join(map(str, rows)))

    async def _start(self, places: list[str]) -> None:
        files = read_source(_LEDGER).files
        for name, place, function in zip(self._names, places, self._schedule.functions, strict=True):
            arguments = {
                "place": place,
                "ballast": function.ballast,
                "every": function.every,
                "pause": function.pause,
            }
            ask = answers.RunAsk(files=files, name=name, hub=function.hub, arguments=arguments)
            await self._house.ask("run", ask, 60)
        await self._house.until(self._listen, "the functions listen")

    async def _listen(self) -> bool:
        rows = await self._house.asked("ps", answers.PsAsk()) or []
        return {row.instance for row in rows if row.waiting} >= set(self._names)

    # The storm --------------------------------------------------------------------------------------------------------

    async def _storm(self, places: list[str]) -> list[asyncio.Task[None]]:
        """Lets it come and go; returns the moves that still wait for their answers."""
        began = time.monotonic()
        moves = [asyncio.create_task(self._at(began, step.at, self._move(step))) for step in self._schedule.moves]
        steps = [*(self._at(began, step.at, self._fault(step)) for step in self._schedule.faults)]
        says = [asyncio.create_task(self._talk(began, places)), *(asyncio.create_task(step) for step in steps)]
        await asyncio.gather(*says)
        self._house.disarm()
        return moves

    async def _at(self, began: float, at: float, work: Coroutine[Any, Any, None]) -> None:
        try:
            await asyncio.sleep(began + at - time.monotonic())
        except asyncio.CancelledError:
            work.close()
            raise
        await work

    async def _talk(self, began: float, places: list[str]) -> None:
        address, running = self._house.broker.address, []
        for say in self._schedule.says:
            await asyncio.sleep(began + say.at - time.monotonic())
            self._numbers[say.function, say.device] += 1
            text = str(self._numbers[say.function, say.device])
            for _ in range(say.times):
                if say.device == "pub":
                    accounts = self._accounts[say.function]
                    work = say_with_mosquitto_pub(
                        address, places[say.function], text, accounts, qos=say.qos, retain=say.retain
                    )
                    running.append(asyncio.create_task(work))
                else:
                    self._devices[say.function][say.device].say(text, qos=say.qos, retain=say.retain)
        await asyncio.gather(*running)

    async def _move(self, step: Step) -> None:
        name = self._names[int(step.whom)]
        with contextlib.suppress(MidstreamError, TimeoutError):
            match step.what:
                case "migrate":
                    await self._house.ask("migrate", answers.PlaceAsk(instance=name, hub=step.value), 60)
                    self.moves += 1
                case "checkpoint":
                    await self._house.ask("checkpoint", answers.InstanceAsk(instance=name))
                case "suspend":
                    await self._house.ask("suspend", answers.InstanceAsk(instance=name))
                    await asyncio.sleep(0.3)
                    await self._house.ask("resume", answers.PlaceAsk(instance=name), 60)

    async def _fault(self, step: Step) -> None:
        house = self._house
        self.faults[step.what] += 1
        match step.what:
            case "kill" | "kill-tree":
                if step.whom == "broker":
                    self._broker_deaths.append(time.monotonic())
                house.kill(step.whom, step.lasts, tree=step.what == "kill-tree")
                await asyncio.sleep(step.lasts)
            case "stop":
                house.signal(step.whom, signal.SIGSTOP)
                await asyncio.sleep(step.lasts)
                house.signal(step.whom, signal.SIGCONT)
            case "restart":
                house.restart_broker()
            case "kill-worker" | "kill-spawner" | "stop-worker":
                await self._worker(step)
            case "cut" | "hole" | "half-open" | "slow" | "lossy" | "cut-in-parts":
                house.links[step.whom].break_(step.what)
                await asyncio.sleep(step.lasts)
                house.links[step.whom].mend()
            case "crash-at":
                house.arm(step.whom, step.value)
                await asyncio.sleep(LONGEST)
            case "repeat-orders":
                parrot = Parrot(house.broker.address, self._chance)
                await asyncio.sleep(step.lasts)
                parrot.leave()
            case "turn-clock":
                if house.turn_clock(step.whom, step.value):
                    await asyncio.sleep(step.lasts)
                    house.turn_clock(step.whom, "+0")
                else:
                    self.left_out[step.what] += 1
            case "fill-disk" if house.disks:
                filler = disks_and_clocks.fill(house.parts[step.whom].folder, f"filled-{step.at:.3f}")
                await asyncio.sleep(step.lasts)
                filler.unlink(missing_ok=True)
            case _:
                self.left_out[step.what] += 1

    async def _worker(self, step: Step) -> None:
        house = self._house
        found = house.spawner(step.whom) if step.what == "kill-spawner" else house.workers(step.whom)
        if not found:
            return
        victim = self._chance.choice(found)
        with contextlib.suppress(psutil.NoSuchProcess):
            if step.what != "stop-worker":
                victim.kill()
                return
            victim.suspend()
            await asyncio.sleep(step.lasts)
            victim.resume()

    # The calm ---------------------------------------------------------------------------------------------------------

    async def _calm(self, ears: list[Ears]) -> None:
        """Waits until all that was said is with the broker, and each function has told what it saw."""
        end = time.monotonic() + QUIET
        devices = [device for devices in self._devices for device in devices.values()]
        while not all(device.answered for device in devices) and time.monotonic() < end:  # noqa: ASYNC110 paho has threads
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.1)  # QoS 0 is on its way
        asked = 0.0
        while not all(self._told(number, ears[number]) for number in range(len(ears))):
            if time.monotonic() > end:
                return
            if time.monotonic() - asked > _ANSWERS:
                asked = time.monotonic()
                await self._ask_what_was_seen(ears)
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)  # what a zombie has still to say

    def _told(self, number: int, ears: Ears) -> bool:
        return any(int(told["end"]) == self._ends[number] for told in ears.seen) and self._ends[number] > 0

    async def _ask_what_was_seen(self, ears: list[Ears]) -> None:
        rows = {row.instance: row for row in await self._house.asked("ps", answers.PsAsk(ended=True), 10) or []}
        for number, name in enumerate(self._names):
            row = rows.get(name)
            if row is not None and row.state in ("failed", "finished", "stopped"):
                self.verdict.words.append(f"{name} is {row.state}: {row.reason} {row.error}"[:500])
            if row is not None and row.state == "suspended":
                await self._house.asked("resume", answers.PlaceAsk(instance=name), 30)
            if not self._told(number, ears[number]):
                self._ends[number] += 1
                self._devices[number]["end"].say(str(self._ends[number]), qos=1)


async def run(house: House, schedule: Schedule) -> Row:
    """Runs a schedule; returns its row of the results."""
    began, drive = time.monotonic(), Drive(house, schedule)
    try:
        async with asyncio.timeout(SECONDS + LONGEST + SILENCE + 2 * QUIET):
            await drive.run()
    except Exception as error:  # whatever it was, the schedule has no verdict, and that is told
        drive.verdict.stuck += 1
        drive.verdict.words.append("".join(traceback.format_exception(error)))
    verdict = drive.verdict
    return Row(
        seed=schedule.seed,
        broker=house.kind,
        faults=dict(drive.faults - drive.left_out),
        left_out=dict(drive.left_out),
        moves=drive.moves,
        messages=drive.messages,
        lost=verdict.lost,
        doubled=verdict.doubled,
        lost_by_broker=verdict.lost_by_broker,
        split_brain_outputs=verdict.split_brain_outputs,
        stuck=verdict.stuck,
        breached=verdict.breached,
        words=list(dict.fromkeys(verdict.words)),
        seconds=round(time.monotonic() - began, 1),
    )


def keep_logs(house: House, folder: Path) -> None:
    """Copies the parts' logs to where a breach can be looked into."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in house.folder.glob("*.log"):
        shutil.copy(path, folder)
