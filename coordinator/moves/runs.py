"""Has the starts in the store become runs: each an ordinary instance, as its trigger's mode says.

One loop looks at the store, whoever changed it: a message that came, a time that was due, a run that has ended. What it
begins are intents like any other's; that a start becomes one instance and not two is held by the transaction that makes
the instance (`coordinator.store.triggers.begin`), so a look too many costs nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from coordinator import intents
from coordinator.moves.ground import Ground
from coordinator.placement import tenants
from coordinator.placement.requirements import Requirements, why_not
from coordinator.store import instances, thinning, triggers
from coordinator.store.database import until_stored
from coordinator.store.schema import Run, Trigger
from coordinator.store.triggers import Due
from coordinator.triggers.clockwork import Clockwork
from devices.errors import MidstreamError
from devices.runtime.settings import Settings

_LOOK: Final = 1.0
"""Seconds between two looks without a reason: the clock may have been set."""
_AGAIN: Final = 2.0
"""Seconds until a start is tried again for which no hub was there."""
_THIN: Final = 10.0
"""Seconds between two times that runs that have ended are thinned out."""
_KEPT_TOPICS: Final = ("state", "hub", "result", "move", "ahead", "claim")
_log = logging.getLogger(__name__)


class Runs:
    """Begins runs, and clears away what is left of them.

    Args:
        ground: the coordinator's parts.
        carry_out: an intent.
        clockwork: makes starts of times.
    """

    def __init__(
        self, ground: Ground, carry_out: Callable[[intents.Intent], Awaitable[object]], clockwork: Clockwork
    ) -> None:
        self._ground = ground
        self._carry_out = carry_out
        self._clockwork = clockwork
        self._news = asyncio.Event()
        self._under_way: dict[int | str, asyncio.Task[None]] = {}  # by number of the start, or instance to be stopped
        self._waits: dict[str, tuple[float, str]] = {}  # by trigger: until when, and why in words
        self._thinned = 0.0

    def wake(self) -> None:
        """There may be something to do."""
        self._news.set()

    def waits(self, trigger: str) -> str:
        """Returns why a trigger's next run does not begin; empty if nothing is in its way."""
        return self._waits.get(trigger, (0.0, ""))[1]

    def attention(self) -> list[str]:
        """Returns sentences for people."""
        stuck = [f"{name}: its next run does not begin: {why}" for name, (_, why) in self._waits.items()]
        doubt = self._clockwork.doubt
        return [*stuck, *([f"no function is started by the time of day: the coordinator {doubt}"] if doubt else [])]

    async def run(self) -> None:
        """Works until it is cancelled."""
        await self._ground.ready.wait()
        while True:
            self._news.clear()
            due_in = await until_stored(self._look)
            await self._clear_away()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK if due_in is None else min(_LOOK, due_in)):
                    await self._news.wait()

    async def _look(self) -> float | None:
        """Does what there is to do; returns the seconds until a time is due."""
        store = self._ground.store
        glance = await store.read(triggers.glance)
        if glance.ends:
            await store.write(triggers.settle)
        due_in = await self._clockwork.look(glance.timed)
        if glance.ends or due_in is not None:
            glance = await store.read(triggers.glance)
        names = {due.trigger.name for due in glance.due}
        for name in [name for name in self._waits if name not in names]:
            del self._waits[name]
        for due in glance.due:
            self._begin(due)
        return due_in

    def _begin(self, due: Due) -> None:
        name = due.trigger.name
        if self._waits.get(name, (0.0, ""))[0] > time.monotonic():
            return
        for instance in due.replaced:
            self._spawn(instance, self._replace(name, instance), f"run stop {instance}")
        for run in due.next:
            self._spawn(run.number, self._start(due.trigger, run), f"run {name} {run.number}")

    def _spawn(self, key: int | str, work: Coroutine[Any, Any, None], name: str) -> None:
        if key in self._under_way:
            work.close()
            return
        task = self._under_way[key] = asyncio.create_task(work, name=name)
        task.add_done_callback(lambda _: self._is_over(key))

    def _is_over(self, key: int | str) -> None:
        self._under_way.pop(key, None)
        self.wake()

    async def _start(self, trigger: Trigger, run: Run) -> None:
        function = await self._ground.store.read(triggers.function_of, trigger.name)
        intent = intents.Run(
            by=f"{intents.TRIGGER}{trigger.name}",
            why=f"a message on {run.topic}" if run.topic else "it was due",
            files=trigger.files,
            function=function,
            hub=self._hub(trigger, await self._ground.store.read(tenants.granted, function)),
            arguments=trigger.arguments,
            declared=_settings(trigger),
            occasion=triggers.occasion_of(run),
            trigger=trigger.name,
            start=run.number,
        )
        try:
            await self._carry_out(intent)
        except MidstreamError as error:
            if await self._ground.store.read(triggers.is_waiting, run.number):
                self._wait(trigger.name, error)
            else:
                _log.warning("%s", error)  # the run has begun, and what became of it was told
        else:
            self._waits.pop(trigger.name, None)

    def _hub(self, trigger: Trigger, granted: frozenset[str] | None) -> str:
        """Returns where a run is to be: where a person said; where it is declared for, if it fits there now."""
        wished = trigger.settings.get(instances.DECLARED, {}).get("hub", "")
        if trigger.hub or not wished or not self._ground.hubs.known(wished):
            return trigger.hub
        wanted = Requirements(Settings.from_plain(trigger.settings).needs, granted=granted)
        return wished if not why_not(self._ground.hubs[wished], wanted) else ""

    async def _replace(self, name: str, instance: str) -> None:
        why = f"a newer start of {name} takes its place"
        try:
            await self._carry_out(intents.Stop(by=f"{intents.TRIGGER}{name}", why=why, instance=instance))
        except MidstreamError as error:
            row = await self._ground.store.read(instances.find, instance)
            if row is not None and row.state not in instances.ENDED:
                self._wait(name, error)

    def _wait(self, name: str, error: MidstreamError) -> None:
        if self.waits(name) != str(error):
            _log.warning("the next run of %s does not begin: %s", name, error)
        self._waits[name] = time.monotonic() + _AGAIN, str(error)

    async def _clear_away(self) -> None:
        """Thins out runs that have ended, in the store and on the broker, now and then."""
        if not self._ground.line.up or time.monotonic() - self._thinned < _THIN:
            return
        self._thinned = time.monotonic()
        surplus = await self._ground.store.read(thinning.surplus)
        if not surplus:
            return
        for instance in await until_stored(lambda: self._ground.store.write(thinning.thin, surplus)):
            for leaf in _KEPT_TOPICS:
                self._ground.line.publish(self._ground.topics.instance(instance, leaf), b"", retain=True)

    async def close(self) -> None:
        """Lets go of what is under way; the next start of the coordinator takes it up."""
        for task in list(self._under_way.values()):
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)


def _settings(trigger: Trigger) -> dict[str, Any]:
    """What `functions.toml` says of the function's settings; its runs themselves are declared nowhere."""
    given = trigger.settings.get(instances.DECLARED, {}).get("settings", {})
    return {"settings": given} if given else {}
