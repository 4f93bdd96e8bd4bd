"""What a hub does by itself while the coordinator is away, before its battery is empty or its memory is full.

Plain comparisons of its own metrics (`devices.conditions`), from ``[protect]`` of `hub.toml`. When one has held for as
long as it says, all that runs is checkpointed into the spool, and then the least important function is suspended; after
each further while in which it still holds, the next one. When `clear` holds they go on, the most important one first.

A coordinator that comes meanwhile is told of each for what it waits, and has it go on; while it is there it judges alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping

from devices.conditions.comparison import Comparison
from devices.errors import MidstreamError
from devices.hub import handover
from devices.hub.guard import Guard, Protection, Wish
from devices.hub.life import Life
from devices.hub.tasks import Tasks

_log = logging.getLogger(__name__)


class Protections:
    """Carries out what the guards want, one thing at a time.

    Args:
        protections: all of this hub.
        lives: what is here, by instance.
    """

    def __init__(self, protections: Collection[Protection], lives: Mapping[str, Life]) -> None:
        self._guards = [Guard(protection) for protection in protections]
        self._lives = lives
        self._tasks = Tasks("protection")
        self._work: asyncio.Task[None] | None = None
        self._closed = False

    def judge(self, readings: Mapping[str, float], at: float, *, alone: bool) -> None:
        """Judges, and begins to do what is wanted; while that takes its time nothing else is judged.

        Args:
            readings: of this hub, by metric.
            at: when they were taken, in seconds of a clock that does not go backward.
            alone: whether the coordinator is away.
        """
        if self._closed or (self._work is not None and not self._work.done()):
            return
        wanted: list[tuple[Protection, Wish, str]] = []
        for guard in self._guards:
            if not alone:
                guard.begins_anew()
            elif wish := guard.judge(readings, at):
                protection = guard.protection
                why = f"{protection.name}: {protection.when.words(readings[protection.when.metric])}"
                wanted.append((protection, wish, why))
        if wanted:
            self._work = self._tasks.start(self._carry_out(wanted), "protect")

    async def _carry_out(self, wanted: list[tuple[Protection, Wish, str]]) -> None:
        for protection, wish, why in wanted:
            if wish == "save":
                await self._save(why)
            if wish == "go on":
                self._let_one_go_on(protection)
            elif protection.do == "suspend":
                await self._suspend_one(protection, why)

    async def close(self) -> None:
        """Begins nothing more, and returns when what is under way is done."""
        self._closed = True
        if self._work is not None:
            await asyncio.wait([self._work])

    async def _save(self, why: str) -> None:
        """Puts the state of all that runs into the spool."""
        running = [life for life in self._lives.values() if _runs(life) and life.captures.has_changed()]
        outcomes = await asyncio.gather(*(life.captures.take(why) for life in running), return_exceptions=True)
        for life, outcome in zip(running, outcomes, strict=True):
            if isinstance(outcome, MidstreamError):
                _log.warning("%s is not saved: %s", life.instance.name, outcome)
            elif isinstance(outcome, BaseException):
                raise outcome

    async def _suspend_one(self, protection: Protection, why: str) -> None:
        """Suspends the least important function that can be stopped."""
        for life in sorted(filter(_runs, self._lives.values()), key=_importance):
            instance = life.instance
            try:
                taken = await life.hold(why)
                life.held = None
                try:
                    await handover.suspend(life, taken, until=words_of(protection.clear))
                except MidstreamError:
                    life.go_on(taken)
                    raise
            except MidstreamError as error:
                _log.warning("%s is not suspended: %s", instance.name, error)
            else:
                _log.warning("%s is suspended: %s", instance.name, why)
                return

    def _let_one_go_on(self, protection: Protection) -> None:
        """Has the most important one go on, of those that wait for this."""
        until = words_of(protection.clear)
        waiting = [life for life in self._lives.values() if life.instance.until == until]
        for life in sorted(waiting, key=_importance, reverse=True)[:1]:
            life.tasks.start(
                handover.call_off_suspension(life, f"{protection.name}: {until}"), "go on from a suspension"
            )


def words_of(comparison: Comparison) -> str:
    """Returns a comparison as the coordinator reads it: it is what a suspended instance waits for."""
    return f"{comparison.metric} {comparison.operator} {comparison.threshold:.15g}"


def _runs(life: Life) -> bool:
    return life.instance.state == "running" and life.instance.worker is not None and life.instance.steady.is_set()


def _importance(life: Life) -> tuple[int, str]:
    return life.instance.settings.priority, life.instance.name
