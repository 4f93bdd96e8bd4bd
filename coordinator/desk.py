"""The front desk: each question that can be asked, and who answers it.

Reading is answered from `coordinator.views`; what changes something becomes an intent that `coordinator.moves` carries
out, the same way as a rule's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar, cast

import msgspec

from coordinator import intents
from coordinator.declared.applying import Applying
from coordinator.deployment.rollout import Rollouts
from coordinator.ingest.devices import Devices
from coordinator.ingest.instances import LogLine, Voices
from coordinator.moves import starting
from coordinator.moves.actions import Actions, Carried
from coordinator.moves.draining import Drains
from coordinator.moves.ground import Ground
from coordinator.moves.pause import Pause
from coordinator.placement import tenants
from coordinator.placement.requirements import Requirements
from coordinator.store import checkpoints, events, instances
from coordinator.store.schema import Trigger
from coordinator.views import answers, hubs, if_lost, landing, lineage, placing, reasons, triggers
from coordinator.views import devices as device_views
from coordinator.views import instances as instance_views
from coordinator.views.changed import ApplyAsk, UpgradeAnswer, UpgradeAsk
from coordinator.views.deployed import DeployAsk, DeploymentsAsk, RollbackAsk
from coordinator.views.observed import DevicesAsk
from coordinator.views.placed import PlacesAnswer
from coordinator.views.places import places
from coordinator.views.question import Question
from coordinator.views.reason import WhyAsk
from coordinator.views.ruled import RuleRow, RulesAsk
from devices.errors import MidstreamError, RefusedError, UsageError, printable
from devices.protocol import limits
from devices.protocol.messages import Event, InstanceStateName, Request
from devices.protocol.occasion import Occasion
from devices.runtime import clock

_BY: Final = "request"
Q = TypeVar("Q", bound=Question)


class Desk:
    """Answers questions.

    Args:
        ground: the coordinator's parts.
        actions: carries out what is wanted.
        applying: compares what is declared with what runs.
        rollouts: brings permission packages to hubs.
        drains: empties hubs.
        pause: of what moves by itself.
        voices: what instances say of themselves.
        devices: those that were heard.
        status: gives the state of the whole.
        waits: tells why a trigger's next run does not begin.
        rules: gives the rules in force, or the one of a name.
    """

    def __init__(
        self,
        ground: Ground,
        actions: Actions,
        *,
        applying: Applying,
        rollouts: Rollouts,
        drains: Drains,
        pause: Pause,
        voices: Voices,
        devices: Devices,
        status: Callable[[], Awaitable[answers.StatusAnswer]],
        waits: Callable[[str], str],
        rules: Callable[[str], Awaitable[list[RuleRow]]],
    ) -> None:
        self._ground = ground
        self._actions = actions
        self._applying = applying
        self._rollouts = rollouts
        self._drains = drains
        self._pause = pause
        self._voices = voices
        self._devices = devices
        self._status = status
        self._waits = waits
        self._rules = rules

    async def answer(self, client: str, request: Request) -> Any:
        """Returns the answer to a request, as `coordinator.views.answers.ANSWERS` says.

        Raises:
            UsageError: no such question, or its arguments do not fit.
            MidstreamError: it cannot be answered, or what was wanted cannot be done.
        """
        kind = answers.QUESTIONS.get(request.ask)
        if kind is None:
            raise UsageError(
                f"there is no question {printable(request.ask, 50)!r}",
                remedy=f"there are: {', '.join(answers.QUESTIONS)}; perhaps this coordinator is older than you",
            )
        try:
            asked = msgspec.convert(request.arguments, kind)
        except msgspec.ValidationError as error:
            raise UsageError(f"{request.ask}: {error}") from error
        return await self._answer(client, request.ask, asked)

    async def _answer(self, client: str, question: str, asked: Question) -> Any:
        ground = self._ground
        await ground.ready.wait()
        match asked:
            case answers.PsAsk():
                return await self._instances(asked)
            case answers.TriggersAsk():
                return await triggers.rows(ground.store, self._waits, asked.trigger)
            case answers.HubsAsk():
                return await hubs.rows(ground.store, ground.hubs, self._drains.in_the_way, asked.hub)
            case DevicesAsk():
                return device_views.rows(self._devices, asked.device)
            case answers.DrainAsk():
                hub = await self._drains.ask(asked.hub, undo=asked.undo)
                (row,) = await hubs.rows(ground.store, ground.hubs, self._drains.in_the_way, hub.name)
                return row
            case answers.LineageAsk():
                return await lineage.rows(ground.store, asked.instance)
            case RulesAsk():
                return await self._rules(asked.rule)
            case answers.EventsAsk():
                last = min(max(asked.last, 0), limits.EVENTS)
                found = await ground.store.read(events.last, last, instance=asked.instance, hub=asked.hub)
                return [msgspec.convert(body, Event) for body in found]
            case WhyAsk():
                return await reasons.rows(ground.store, asked.instance, asked.since)
            case ApplyAsk():
                return await self._applying.answer(asked)
            case DeployAsk():
                return await self._rollouts.push(asked)
            case RollbackAsk():
                return await self._rollouts.rollback(asked)
            case DeploymentsAsk():
                return await self._rollouts.look(question, asked)
            case answers.LogsAsk():
                return await self._logs(asked)
            case answers.FetchAsk():
                return await self._fetch(client, asked)
            case answers.IfLostAsk():
                return await if_lost.rows(
                    ground.store,
                    ground.hubs,
                    self._voices,
                    ground.ahead,
                    asked.hub,
                    promised=ground.promised,
                    paused=self._pause.since,
                )
            case answers.PlacesAsk():
                return await self._places(asked)
            case answers.PauseAsk():
                await (self._pause.end() if asked.off else self._pause.begin())
                return await self._status()
            case answers.NothingAsk() if question == "functions":
                return await instance_views.functions(ground.store, ground.hubs)
            case answers.NothingAsk():
                return await self._status()
        return await self._carry_out(question, asked)

    async def _places(self, asked: answers.PlacesAsk) -> PlacesAnswer:
        ground = self._ground
        if not asked.files:
            return await placing.of_name(ground.store, ground.hubs, ground.promised, ground.use, asked.name)
        _, declaration = starting.read_files(asked.files, asked.function, ground.defaults)
        settings = declaration.settings
        granted = await ground.store.read(tenants.granted, declaration.name)
        wanted = Requirements(settings.needs, starting.ENGINE, priority=settings.priority, granted=granted)
        return await placing.of_new(
            ground.store, ground.hubs, ground.promised, ground.use, name=declaration.name, wanted=wanted
        )

    async def _instances(self, asked: answers.PsAsk) -> list[answers.InstanceRow]:
        ground = self._ground
        rows = await instance_views.rows(ground.store, ground.hubs, self._voices, asked.instance, ended=asked.ended)
        for row in rows if asked.instance else ():
            if row.state not in instances.ENDED:
                row.places, row.unfit = await self._fitting(row.instance)
        return rows

    async def _fitting(self, instance: str) -> tuple[list[str], dict[str, str]]:
        ground = self._ground
        wanted, everybody = await ground.store.read(tenants.wishes_and_every, instance)
        return places(ground.hubs, wanted, ground.promised(everybody, instance))

    async def _logs(self, asked: answers.LogsAsk) -> list[answers.LogRow]:
        names = await self._ground.store.read(instances.names)
        if asked.instance not in names:
            raise instance_views.unknown(asked.instance, sorted(names))
        lines = self._voices.lines(asked.instance, asked.last)
        if not lines:  # nobody listened when it ended: its last lines came with its end
            told = await self._ground.store.read(events.log_of_end, asked.instance)
            lines = msgspec.convert(told[-asked.last :] if asked.last > 0 else [], list[LogLine])
        return [answers.LogRow(at=line.at, level=line.level, text=line.text, hub=line.hub) for line in lines]

    async def _fetch(self, client: str, asked: answers.FetchAsk) -> answers.BlobAnswer:
        """Sends a checkpoint's bytes in parts to who asked, before the answer; values never travel in JSON."""
        store, line = self._ground.store, self._ground.line
        row = await store.read(checkpoints.named, asked.checkpoint)
        blob = await store.read(checkpoints.blob, row.id)
        where = self._ground.topics.request_answer(client)
        parts = await line.publish_blob(lambda number: f"{where}/part/{number}", blob)
        return answers.BlobAnswer(
            checkpoint=row.id,
            instance=row.instance,
            parts=parts,
            size=len(blob),
            digest=row.digest,
            signer=row.signer.hex(),
        )

    async def _carry_out(self, question: str, asked: Question) -> Any:
        intent = _intent(question, asked)
        carried = await self._actions.carry_out(intent)
        if carried.trigger is not None:
            return await self._about_a_trigger(carried.trigger, intent)
        match intent:
            case intents.Checkpoint() | intents.Suspend():
                return _checkpoint(carried)
            case intents.Migrate():
                return _moved(carried)
            case intents.Upgrade():
                return _upgraded(carried, dry_run=intent.dry_run)
            case intents.Stop():
                return answers.StoppedAnswer(
                    instance=carried.instance.id, hub=carried.instance.hub, state=_state(carried)
                )
        return await self._started(carried)

    async def _about_a_trigger(self, trigger: Trigger, intent: intents.Intent) -> Any:
        name = trigger.name
        match intent:
            case intents.Suspend():
                return answers.CheckpointAnswer(
                    instance=name, hub="", state="suspended", checkpoint="", bytes=0, line="", statement=""
                )
            case intents.Stop():
                return answers.StoppedAnswer(instance=name, hub="", state="stopped")
            case intents.Upgrade():
                return UpgradeAnswer(
                    instance=name, hub="", epoch=0, checkpoint="", lands=True, frames=[], obstacles=[], kept=[]
                )
        (row,) = await triggers.rows(self._ground.store, self._waits, name)
        return answers.StartedAnswer(
            instance=name, function=row.function, hub="", epoch=0, checkpoint="", why=row.starts, trigger=True
        )

    async def _started(self, carried: Carried) -> answers.StartedAnswer:
        instance = carried.instance
        row = (await instance_views.rows(self._ground.store, self._ground.hubs, self._voices, instance.id))[0]
        fit, unfit = await self._fitting(instance.id)
        return answers.StartedAnswer(
            instance=instance.id,
            function=row.function,
            hub=instance.hub,
            epoch=instance.epoch,
            checkpoint=carried.checkpoint.id if carried.checkpoint else "",
            why=carried.why,
            branch_of=instance.trunk if instance.branch > 1 else "",
            muted=instance.muted,
            places=fit,
            unfit=unfit,
        )


def _intent(question: str, asked: Question) -> intents.Intent:
    why = f"asked for by {question}"
    match asked:
        case answers.RunAsk():
            return intents.Run(
                by=_BY,
                why=why,
                files=asked.files,
                function=asked.function,
                name=asked.name,
                hub=asked.hub,
                arguments=asked.arguments,
                once=asked.once,
                occasion=_occasion(asked),
            )
        case answers.RestoreAsk():
            return intents.Restore(
                by=_BY,
                why=why,
                checkpoint=asked.checkpoint,
                as_new=asked.as_new,
                name=asked.name,
                hub=asked.hub,
                unmute=asked.unmute,
                files=asked.files,
                function=asked.function,
                values=asked.values,
            )
        case UpgradeAsk():
            return intents.Upgrade(
                by=_BY,
                why=why,
                instance=asked.instance,
                files=asked.files,
                function=asked.function,
                dry_run=asked.dry_run,
            )
        case answers.PlaceAsk():
            wanted = intents.Migrate if question == "migrate" else intents.Resume
            return wanted(by=_BY, why=why, instance=asked.instance, hub=asked.hub, accept_loss=asked.accept_loss)
        case answers.SuspendAsk():
            return intents.Suspend(by=_BY, why=why, instance=asked.instance, until=asked.until)
        case answers.InstanceAsk():
            return _ABOUT_ONE[question](by=_BY, why=why, instance=asked.instance)
    raise RefusedError(f"{question} cannot be asked for")


def _occasion(asked: answers.RunAsk) -> Occasion | None:
    if not asked.topic:
        return None
    return Occasion(topic=asked.topic, payload=asked.payload.encode(), qos=1, at=clock.wall())


_ABOUT_ONE: Final[dict[str, Callable[..., intents.Intent]]] = {
    "checkpoint": intents.Checkpoint,
    "stop": intents.Stop,
    "unmute": intents.Unmute,
}


def _state(carried: Carried) -> InstanceStateName:
    return cast("InstanceStateName", carried.instance.state)


def _checkpoint(carried: Carried) -> answers.CheckpointAnswer:
    made = carried.checkpoint
    if made is None:
        raise MidstreamError(f"{carried.instance.id} has no checkpoint")
    return answers.CheckpointAnswer(
        instance=carried.instance.id,
        hub=made.hub,
        state=_state(carried),
        checkpoint=made.id,
        bytes=made.size,
        line=made.line,
        statement=made.statement,
        phases=carried.phases or {},
    )


def _upgraded(carried: Carried, *, dry_run: bool) -> UpgradeAnswer:
    upgrade, made = carried.upgrade, carried.checkpoint
    assert upgrade is not None
    assert made is not None
    return UpgradeAnswer(
        instance=carried.instance.id,
        hub=carried.instance.hub,
        epoch=carried.instance.epoch,
        checkpoint=made.id if dry_run else made.parent,
        upgraded="" if dry_run else made.id,
        lands=upgrade.lands,
        frames=landing.rows(upgrade),
        obstacles=upgrade.obstacles,
        kept=upgrade.kept,
        downtime_ms=carried.move.downtime_ms if carried.move else 0.0,
    )


def _moved(carried: Carried) -> answers.MovedAnswer:
    move, made = carried.move, carried.checkpoint
    assert move is not None, "a migration is a move"
    return answers.MovedAnswer(
        instance=move.instance,
        move=move.id,
        source=move.source,
        destination=move.destination,
        epoch=move.claimed,
        checkpoint=move.checkpoint,
        bytes=made.size if made else 0,
        line=made.line if made else "",
        statement=made.statement if made else "",
        variables=[f"{variable['name']}: {variable['type']}" for variable in made.variables] if made else [],
        downtime_ms=move.downtime_ms,
        phases=move.phases,
        why=carried.why,
    )
