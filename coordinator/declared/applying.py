"""What is declared brought about: each function by the same intents that a person would use, one at a time.

Nothing is decided here that the plan does not say, and nothing goes around the ordinary doors: a start is a `Run`, changed
source an `Upgrade`, with all their refusals.
"""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.orm import Session

from coordinator import intents
from coordinator.declared import plan
from coordinator.declared.plan import Present, Step, Wanted
from coordinator.moves import changing, starting
from coordinator.moves.actions import Carried
from coordinator.moves.ground import Ground
from coordinator.moves.starting import Code
from coordinator.placement import choice, tenants
from coordinator.placement.requirements import Requirements
from coordinator.store import checkpoints, instances, triggers
from coordinator.store.schema import Function, Trigger
from coordinator.triggers import schedule
from coordinator.views import landing
from coordinator.views.changed import AppliedRow, ApplyAsk
from coordinator.views.places import places
from devices.errors import MidstreamError, RefusedError
from devices.protocol import checkpoint as blobs
from devices.runtime.python.upgrading.image import Upgrade

BY: Final = "apply"


@dataclass(frozen=True, slots=True)
class _Case:
    """One function: what is declared of it, what there is, and what is to be done about it."""

    asked: ApplyAsk
    code: Code | None  # None: it is declared no more
    present: Present | None
    step: Step
    granted: frozenset[str] | None = None  # the hubs where it may begin

    @property
    def has_trigger(self) -> bool:
        """Whether something starts it, or has until now: then nothing of it stands anywhere."""
        was_one = self.present is not None and self.present.triggers
        return was_one or (self.code is not None and self.code.settings.has_trigger)

    @property
    def why(self) -> str:
        """Why it is done, as it is told afterwards."""
        if self.step.action == "start":
            return "functions.toml declares it"
        changes = f": {', '.join(self.step.changes)}" if self.step.changes else ""
        return f"functions.toml: {self.step.why}{changes}"


class Applying:
    """Compares what is declared with what runs, and brings it about.

    Args:
        ground: what moves use.
        carry_out: an intent.
    """

    def __init__(self, ground: Ground, carry_out: Callable[[intents.Intent], Awaitable[Carried]]) -> None:
        self._ground = ground
        self._carry_out = carry_out

    async def answer(self, asked: ApplyAsk) -> AppliedRow:
        """Says what is to be done about one function, or does it.

        Raises:
            MidstreamError: the source or the arguments cannot be used; or what was to be done was refused or failed.
        """
        case = await self._case(asked)
        if not asked.action:
            return await self._outlook(case)
        wanted = case.step.action
        if asked.action != wanted and (asked.action, wanted) not in _CHOICES:
            raise RefusedError(
                f"{asked.instance} is otherwise by now: {case.step.why}",
                remedy="see anew what is to be done, and apply that",
            )
        return await self._done(case, asked.action)

    async def step(self, asked: ApplyAsk) -> Step:
        """Says what is to be done, without looking whether changed source lands.

        Raises:
            MidstreamError: the source or the arguments cannot be used.
        """
        return (await self._case(asked)).step

    async def _case(self, asked: ApplyAsk) -> _Case:
        present = await self._ground.store.read(_present, asked.instance)
        if asked.gone:
            if present is None or present.declared.get("owner") != asked.owner:
                raise RefusedError(f"{asked.instance} does not belong to the folder {asked.owner!r}")
            return _Case(asked, None, present, plan.gone(present))
        declared = {
            "owner": asked.owner,
            "args": asked.arguments,
            "settings": asked.settings,
            "hub": asked.hub,
        }
        code = await asyncio.to_thread(starting.read, _run(asked, declared), self._ground.defaults)
        wanted = Wanted(
            owner=asked.owner,
            source=code.source,
            function=code.declaration.name,
            arguments=code.arguments,
            declared=declared,
            has_trigger=code.settings.has_trigger,
        )
        granted = await self._ground.store.read(tenants.granted, code.declaration.name)
        return _Case(asked, code, present, plan.step(wanted, present), granted)

    # What would be done ----------------------------------------------------------------------------------------------

    async def _outlook(self, case: _Case) -> AppliedRow:
        row = _row(case)
        if case.code is None:
            return row
        requirements = _requirements(case)
        row.places, row.unfit = await self._places(case)
        match case.step.action:
            case "start" | "begin" if not case.has_trigger:
                row.hub, row.place = await self._destination(case, requirements)
            case "upgrade" | "mend" if not case.has_trigger:
                await self._look_whether_it_lands(case, row)
        return row

    async def _places(self, case: _Case) -> tuple[list[str], dict[str, str]]:
        everybody = await self._ground.store.read(tenants.every)
        return places(self._ground.hubs, _requirements(case), self._ground.promised(everybody, case.asked.instance))

    async def _destination(self, case: _Case, requirements: Requirements) -> tuple[str, str]:
        ground, wish = self._ground, case.asked.hub
        promised = ground.promised(await ground.store.read(tenants.every), case.asked.instance)
        try:
            place = choice.choose(ground.hubs, requirements, promised, named=await self._wished(case))
        except RefusedError as error:
            return "", error.message
        return place.hub, "; ".join(filter(None, (self._instead_of(wish, place.hub), place.why)))

    async def _wished(self, case: _Case) -> str:
        """Returns the hub that is wished for, if it can have the function now; else placement decides."""
        return case.asked.hub if case.asked.hub in (await self._places(case))[0] else ""

    def _instead_of(self, wish: str, hub: str) -> str:
        """Returns why a wish is not granted, in words: perhaps it is no hub's name."""
        if not wish or wish == hub:
            return ""
        if self._ground.hubs.known(wish):
            return f"{wish}, for which it is declared, cannot have it now"
        near = difflib.get_close_matches(wish, [each.name for each in self._ground.hubs.every()], n=1)
        return f"there is no hub {wish!r}" + (f", perhaps {near[0]!r} is meant" if near else "")

    async def _look_whether_it_lands(self, case: _Case, row: AppliedRow) -> None:
        upgrade = await self._examined(case)
        row.frames, row.obstacles = landing.rows(upgrade), upgrade.obstacles
        if not upgrade.lands:
            first = next((f"{it.function}() at line {it.line}: {it.reason}" for it in upgrade.frames if it.reason), "")
            row.action, row.safe = "choose", False
            row.why = f"the changed source does not fit where it stands: {first or upgrade.obstacles[0]}"

    async def _examined(self, case: _Case) -> Upgrade:
        assert case.code is not None
        if case.step.action == "upgrade":
            carried = await self._carry_out(_upgrade(case, dry_run=True))
            assert carried.upgrade is not None
            return carried.upgrade
        newest = await self._ground.store.read(checkpoints.named, case.asked.instance)
        blob = await self._ground.store.read(checkpoints.blob, newest.id)
        return await asyncio.to_thread(changing.examined, blob, case.code)

    # Doing it --------------------------------------------------------------------------------------------------------

    async def _done(self, case: _Case, action: str) -> AppliedRow:
        row, name = _row(case), case.asked.instance
        row.action = action  # type: ignore[assignment]  # one of them: it was compared
        match action:
            case "start" | "begin":
                row.hub, row.place = await self._start(case, action)
            case "upgrade" if case.present is not None and case.present.triggers:
                await self._carry_out(_upgrade(case, dry_run=False))
            case "upgrade":
                await self._carry_out(_upgrade(case, dry_run=False))
                await self._go_where_it_is_wished(case)
            case "mend":
                await self._carry_out(_mend(case))
            case "move":
                await self._go_where_it_is_wished(case)
                await self._ground.store.write(_declare, name, _declared_of(case))
            case "take over":
                await self._ground.store.write(_declare, name, _declared_of(case))
            case "stop":
                await self._carry_out(intents.Stop(by=BY, why=case.why, instance=name))
                await self._ground.store.write(_declare, name, {})
            case _:
                return row
        row.done = True
        row.hub = await self._ground.store.read(_hub_of, name) or row.hub
        return row

    async def _start(self, case: _Case, action: str) -> tuple[str, str]:
        if case.has_trigger:  # each of its runs asks for itself whether the hub that it is declared for fits
            carried = await self._carry_out(_run(case.asked, _declared_of(case), why=case.why))
            return "", carried.why
        hub = await self._wished(case)
        kind = intents.Run if action == "start" else intents.Begin
        instead = self._instead_of(case.asked.hub, hub)
        why = "; ".join(filter(None, (case.why, instead)))
        carried = await self._carry_out(_run(case.asked, _declared_of(case), kind=kind, hub=hub, why=why))
        return carried.instance.hub, carried.why

    async def _go_where_it_is_wished(self, case: _Case) -> None:
        """Moves it to the hub that it is newly declared for, if that can have it; placement may take it elsewhere later."""
        assert case.present is not None
        if case.has_trigger:
            return
        before, hub = case.present.declared.get("hub", ""), await self._wished(case)
        if hub and hub not in (before, await self._ground.store.read(_hub_of, case.asked.instance)):
            await self._carry_out(intents.Migrate(by=BY, why=case.why, instance=case.asked.instance, hub=hub))


_CHOICES: Final = (("begin", "choose"), ("begin", "upgrade"), ("begin", "mend"))
"""What may be done where something else is to be done: from its start, for what does not land or cannot be changed."""


def _requirements(case: _Case) -> Requirements:
    assert case.code is not None
    return case.code.wants(case.granted, case.asked.instance)


def _row(case: _Case) -> AppliedRow:
    return AppliedRow(
        instance=case.asked.instance,
        action=case.step.action,
        why=case.step.why,
        safe=case.step.safe,
        changes=list(case.step.changes),
        hub=case.present.hub if case.present is not None else "",
        starts=schedule.in_words(case.code.settings) if case.has_trigger and case.code is not None else "",
    )


def _declared_of(case: _Case) -> dict[str, Any]:
    assert case.code is not None
    return dict(case.code.declared)


def _run(
    asked: ApplyAsk, declared: dict[str, Any], *, kind: type[intents.Run] = intents.Run, hub: str = "", why: str = ""
) -> intents.Run:
    return kind(
        by=BY,
        why=why,
        files=asked.files,
        function=asked.function,
        name=asked.instance,
        hub=hub,
        arguments=asked.arguments,
        declared=declared,
    )


def _upgrade(case: _Case, *, dry_run: bool) -> intents.Upgrade:
    return intents.Upgrade(
        by=BY,
        why=case.why,
        instance=case.asked.instance,
        files=case.asked.files,
        function=case.asked.function,
        dry_run=dry_run,
        declared=_declared_of(case),
    )


def _mend(case: _Case) -> intents.Restore:
    return intents.Restore(
        by=BY,
        why=case.why,
        checkpoint=case.asked.instance,
        files=case.asked.files,
        function=case.asked.function,
        declared=_declared_of(case),
    )


def _present(session: Session, name: str) -> Present | None:
    instance, trigger = instances.find(session, name), triggers.find(session, name)
    if trigger is not None and (instance is None or trigger.state != "stopped"):
        return _present_trigger(session, trigger)
    if instance is None:
        return None
    function = session.get(Function, instance.function)
    assert function is not None, "an instance is of a function"
    declared = instances.declared(instance)
    arguments: dict[str, Any] = {}
    if not declared and checkpoints.is_kept(session, instance.newest):
        arguments = blobs.decode_header(checkpoints.blob(session, instance.newest))[0].function.arguments
    return Present(
        state=instance.state,
        wanted=instance.wanted,
        hub=instance.hub,
        reason=instance.reason,
        branch=instance.branch,
        declared=declared,
        function=function.name,
        module=function.module,
        digest=function.digest,
        arguments=arguments,
    )


def _present_trigger(session: Session, trigger: Trigger) -> Present:
    function = session.get(Function, trigger.function)
    assert function is not None, "a trigger is of a function"
    return Present(
        state=trigger.state,
        wanted="stopped" if trigger.state == "stopped" else "running",
        hub=trigger.hub,
        reason="",
        branch=1,
        declared=trigger.settings.get(instances.DECLARED, {}),
        function=function.name,
        module=function.module,
        digest=function.digest,
        arguments=trigger.arguments,
        triggers=True,
    )


def _declare(session: Session, name: str, declared: dict[str, Any]) -> None:
    """Keeps what is declared of an instance, or of a trigger, with it; or that nothing is."""
    trigger = triggers.find(session, name)
    if trigger is not None and (trigger.state != "stopped" or instances.find(session, name) is None):
        others = {key: value for key, value in trigger.settings.items() if key != instances.DECLARED}
        trigger.settings = others | ({instances.DECLARED: declared} if declared else {})
        return
    instance = instances.find(session, name)
    if instance is None:
        raise MidstreamError(f"{name} has gone meanwhile")
    function = session.get(Function, instance.function)
    assert function is not None
    kept = {key: value for key, value in instances.settings_of(instance, function).items() if key != instances.DECLARED}
    instance.settings = kept | ({instances.DECLARED: declared} if declared else {})


def _hub_of(session: Session, name: str) -> str:
    instance = instances.find(session, name)
    return instance.hub if instance is not None else ""
