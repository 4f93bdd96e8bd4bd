"""Triggers as people see them: made, suspended, resumed, given changed source, stopped."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from coordinator import intents
from coordinator.moment import now
from coordinator.moves import starting
from coordinator.moves.ground import Ground
from coordinator.moves.starting import Code
from coordinator.placement import choice
from coordinator.store import instances, triggers
from coordinator.store.schema import Trigger
from coordinator.triggers.schedule import Schedule, in_words
from devices.errors import RefusedError
from devices.protocol.topics import check_name, name_from
from devices.runtime import clock
from devices.runtime.declaration import check_arguments
from devices.runtime.settings import Settings

Follow = Callable[[], Awaitable[None]]
_ONE_THING: Final = "midstream ps lists its runs; each of them is an instance"


class Triggers:
    """The triggers of this installation.

    Args:
        ground: the coordinator's parts.
        follow: has the topics of all of them subscribed, and returns when they are.
        wake: has what is due looked at.

    Attributes:
        names: of those that were not stopped.
    """

    def __init__(self, ground: Ground, *, follow: Follow, wake: Callable[[], None]) -> None:
        self._ground = ground
        self._follow = follow
        self._wake = wake
        self.names: set[str] = set()

    async def load(self) -> None:
        """Reads which ones there are."""
        self.names = await self._ground.store.read(triggers.names)

    def __contains__(self, name: str) -> bool:
        return name in self.names

    async def register(self, intent: intents.Run, code: Code) -> Trigger:
        """Has a function be started by its trigger from now on.

        Raises:
            RefusedError: the name is taken, there is no such hub, or the broker refuses a topic.
            UsageError: it cannot be a name.
        """
        name = check_name("instance", intent.name or name_from(code.declaration.name))
        if name in self.names:
            raise RefusedError(
                f"there is a trigger {name} already",
                remedy=f"midstream upgrade {name} FILE gives it changed source; or name this one otherwise with --name",
            )
        there = await self._ground.store.read(instances.find, name)
        if there is not None and there.state not in instances.ENDED:
            raise RefusedError(f"there is an instance {name} already", remedy="name the trigger otherwise, with --name")
        if intent.hub:
            choice.named_hub(self._ground.hubs, intent.hub)
        record = starting.record(code, self._ground.timezone)
        moment = clock.wall()
        trigger = Trigger(
            name=name,
            files=code.source.files,
            arguments=code.arguments,
            hub=intent.hub,
            settings=record.settings,
            state="active",
            anchor=moment,
            due=self._first(code.settings, moment),
            since=now(),
            created=now(),
        )
        function = starting.row_of_function(record, code.declaration)
        await self._ground.store.write(triggers.register, trigger, function)
        self.names.add(name)
        try:
            await self._follow()
        except RefusedError:
            await self._end(name)
            raise
        await self._tell(name, f"registered {name}: {in_words(code.settings)}", intent.why)
        self._wake()
        return await self._named(name)

    def _first(self, settings: Settings, moment: float) -> float:
        """Returns when it is due first: a rhythm begins at once, so that one sees what it does."""
        schedule = self._schedule(settings, moment)
        if not schedule.comes:
            return 0.0
        return moment if settings.every else schedule.after(moment)

    def _schedule(self, settings: Settings, anchor: float) -> Schedule:
        return Schedule.of(settings, anchor, clock.zone_of(self._ground.timezone))

    async def carry_out(self, intent: intents.Intent, name: str) -> Trigger:
        """Does with a trigger what is wanted of it.

        Raises:
            RefusedError: it makes no sense for one.
        """
        match intent:
            case intents.Stop():
                return await self._stop(name, intent.why)
            case intents.Suspend():
                return await self._change(name, "suspended", intent.why)
            case intents.Resume():
                return await self._change(name, "active", intent.why)
            case intents.Upgrade():
                return await self._renew(name, intent)
        raise RefusedError(f"{name} is a trigger: it holds nothing between its runs", remedy=_ONE_THING)

    async def _stop(self, name: str, why: str) -> Trigger:
        trigger = await self._named(name)
        forgotten = await self._end(name)
        await self._tell(
            name, f"stopped {name}", f"{why}; {forgotten} starts that waited are forgotten" if forgotten else why
        )
        return trigger

    async def _end(self, name: str) -> int:
        forgotten = await self._ground.store.write(triggers.stop, name, now())
        self.names.discard(name)
        await self._follow()
        return forgotten

    async def _change(self, name: str, state: str, why: str) -> Trigger:
        trigger = await self._named(name)
        if trigger.state == state:
            raise RefusedError(f"{name} is {state} already")
        values: dict[str, Any] = {"state": state, "since": now()}
        if state == "active":
            moment = clock.wall()
            schedule = self._schedule(Settings.from_plain(trigger.settings), trigger.anchor)
            values["due"] = schedule.after(moment) if schedule.comes else 0.0
        await self._ground.store.write(triggers.change, name, **values)
        await self._tell(name, f"{'resumed' if state == 'active' else 'suspended'} {name}", why)
        self._wake()
        return await self._named(name)

    async def _renew(self, name: str, intent: intents.Upgrade) -> Trigger:
        """Gives a trigger changed source, for the runs that are to come."""
        trigger = await self._named(name)
        function = intent.function or await self._ground.store.read(triggers.function_of, name)
        source, declaration = starting.read_files(intent.files, function, self._ground.defaults)
        declared = intent.declared or trigger.settings.get(instances.DECLARED, {})
        settings = Code(source, declaration, {}, declared).settings
        if not settings.has_trigger:
            raise RefusedError(
                f"nothing starts {function} in the changed source",
                place=declaration.place,
                remedy=f"midstream stop {name}, then run it",
            )
        arguments = intent.declared.get("args", {}) if intent.declared else trigger.arguments
        code = Code(source, declaration, check_arguments(declaration, arguments), declared)
        if intent.dry_run:
            return trigger
        record = starting.record(code, self._ground.timezone)
        values: dict[str, Any] = {"files": code.source.files, "arguments": code.arguments, "settings": record.settings}
        if intent.declared:
            values["hub"] = intent.declared.get("hub", "")
        old = Settings.from_plain(trigger.settings)
        if (old.every, old.at, old.cron) != (settings.every, settings.at, settings.cron):
            moment = clock.wall()
            values |= {"anchor": moment, "due": self._first(settings, moment)}
        await self._ground.store.write(triggers.renew, name, starting.row_of_function(record, declaration), **values)
        await self._follow()
        await self._tell(name, f"gave {name} changed source", f"{intent.why}; runs under way keep theirs")
        self._wake()
        return await self._named(name)

    async def _named(self, name: str) -> Trigger:
        found = await self._ground.store.read(triggers.find, name)
        assert found is not None, "its name is known"
        return found

    async def _tell(self, name: str, did: str, why: str) -> None:
        await self._ground.journal.tell("trigger", did=did, why=why, instance=name)
