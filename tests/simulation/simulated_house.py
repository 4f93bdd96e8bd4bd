"""A house whose time is an argument: hubs that get warm, a UPS, functions that use what they ask for or less.

What decides is the coordinator's own: facts, rules, reactions, the carrying out of intents, placement with its
reservations, conditions of resumption, the store. Simulated is what lies beyond its commands: the hubs do at once what
they are told. So a week takes seconds, and everything that is decided can be held against how the house really was.
"""

from __future__ import annotations

import asyncio
import math
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from coordinator import intents
from coordinator.facts import Facts
from coordinator.ingest.ahead import AheadOfStore
from coordinator.ingest.hubs import Hubs
from coordinator.journal import Journal
from coordinator.line import Line
from coordinator.moment import now
from coordinator.moves.actions import Actions
from coordinator.moves.ground import Ground
from coordinator.moves.pause import Pause
from coordinator.moves.reactions import Reactions
from coordinator.moves.resuming import Resumes
from coordinator.moves.triggering import Triggers
from coordinator.placement import choice, tenants
from coordinator.placement.requirements import Requirements
from coordinator.rules.actions import MOVES
from coordinator.rules.evaluation import Evaluation
from coordinator.rules.files import RuleBook
from coordinator.rules.rule import Firing
from coordinator.store import instances, moves
from coordinator.store.database import Store
from coordinator.store.schema import Function, Instance, Move
from devices.errors import MidstreamError, UnreachableError
from devices.mqtt.address import BrokerAddress
from devices.mqtt.delivery import Will
from devices.protocol.answers import Captured
from devices.protocol.messages import HubInfo, HubMetrics, HubStatus, InstanceUse
from devices.protocol.topics import Topics
from devices.runtime.settings import Needs, Settings

MONDAY = datetime(2026, 7, 6, tzinfo=UTC)
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
MB = 10**6


class Machine:
    """A hub's body. Its warmth follows its load and the weather within minutes; it may hang on the UPS."""

    def __init__(self, name: str, *, memory: int, warmth: float, labels: list[str], on_ups: bool = False) -> None:
        self.name, self.memory, self.warmth, self.on_ups = name, memory, warmth, on_ups
        self.cores, self.own_cpu, self.own_memory = 4, 6.0, 600 * MB
        self.labels = labels
        self.start = 1
        self.online = True
        self.mains = True
        self.battery = 100.0
        self.temperature = 40.0
        self.cpu = 0.0

    def passes(self, seconds: float, cpu: float, outside: float) -> None:
        self.cpu = min(100.0, self.own_cpu + cpu / self.cores)
        target = outside + self.warmth + 0.42 * self.cpu
        self.temperature += (target - self.temperature) * min(1.0, seconds / 300)
        change = 12.0 if self.mains else -40.0
        self.battery = min(100.0, max(0.0, self.battery + change * seconds / HOUR))


class Load:
    """What a function uses: memory up to what it asks for, cpu by the time of day, with bursts."""

    def __init__(self, name: str, chance: random.Random, *, batch: bool) -> None:
        self.name = name
        self.settings = Settings(
            priority=chance.choice((0, 0, 1, 5)),
            needs=Needs(
                memory=chance.choice((100, 200, 300, 500)) * MB,
                cpu=chance.choice((0.0, 0.1, 0.25)),
                labels=["batch"] if batch else [],
            ),
        )
        self._chance = chance
        self._mean, self._night = chance.uniform(2, 22), batch
        self._burst = 0.0

    def use(self, at: float, seconds: float) -> InstanceUse:
        hour = at % DAY / HOUR
        busy = 1.8 if (hour < 6) == self._night else 0.7
        if self._chance.random() < seconds / (6 * HOUR):
            self._burst = self._chance.uniform(40, 110)
        self._burst *= math.exp(-seconds / (20 * MINUTE))
        cpu = self._mean * busy * self._chance.uniform(0.8, 1.2) + self._burst
        return InstanceUse(cpu=cpu, memory=int(self.settings.needs.memory * self._chance.uniform(0.6, 1.0)))


class House:
    """The coordinator's deciding parts over simulated hubs.

    Args:
        folder: for the store and the rules.
        seed: of everything that happens by chance.
        rules: their text.
        every: seconds between two metrics of a hub.
    """

    def __init__(self, folder: Path, seed: int, rules: str, every: float) -> None:
        self.chance = random.Random(seed)
        self.at, self.every, self.outside = 0.0, every, 20.0
        self.machines = {machine.name: machine for machine in _machines()}
        self.loads = {f"f-{n:02}": Load(f"f-{n:02}", self.chance, batch=n % 3 == 0) for n in range(30)}
        self.where: dict[str, str] = {}
        self.suspended: dict[str, float] = {}  # since when
        self.used: dict[str, InstanceUse] = {}
        self.fired: list[Firing] = []
        self.moved: list[tuple[str, float, str]] = []
        self.retained = False  # whether what is told now is a retained message
        self.store = Store.open(f"sqlite:///{folder / 'store.sqlite'}")
        topics, address = Topics("midstream"), BrokerAddress.parse("mqtt://127.0.0.1")
        line = Line(address, "simulation", Will("nobody", b""))  # never connected: what is published is dropped
        journal = Journal(self.store, line, topics)
        self.hubs = Hubs(self.store, journal)
        ready = asyncio.Event()
        ready.set()
        self.ground = Ground(
            None, topics, self.store, line, self.hubs, None, self, self, AheadOfStore(line, topics), journal, "UTC",
            Settings(), ready, moment=lambda: self.at, wall=self.wall,
        )  # fmt: skip
        self.pause = Pause(self.store, journal, lambda: None)
        triggers = Triggers(self.ground, follow=lambda _: None, wake=lambda: None)  # there are none
        self.actions = Actions(self.ground, self, self, triggers)
        self.facts = Facts()
        self.reactions = Reactions(self.ground, self.actions, self, self.facts, pause=self.pause, limit=MOVES)
        self.resumes = Resumes(self.ground, self, self.actions.carry_out, self.pause)
        (folder / "rules.toml").write_text(rules)
        self.evaluation = Evaluation(
            RuleBook.load(folder).rules,
            self.facts,
            self._fire,
            calendar=lambda at: MONDAY + timedelta(seconds=at),
            recover=self.reactions.recover,
            awaited=self.reactions.awaited,
        )

    def wall(self) -> float:
        return MONDAY.timestamp() + self.at

    # What happens ---------------------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """All hubs come, and placement finds a place for each function."""
        for machine in self.machines.values():
            machine.passes(HOUR, 0, self.outside)
            info = HubInfo(
                hub=machine.name, version="1", arch="x86_64", cores=machine.cores, memory=machine.memory, python="3.11",
                engines=["python"], labels=machine.labels, key=machine.name.encode().ljust(32).hex(),
            )  # fmt: skip
            await self.hubs.take_info(machine.name, info)
            await self._comes(machine)
            self._measure(machine)
        for load in self.loads.values():
            wanted = Requirements(load.settings.needs)
            everybody = await self.store.read(tenants.every)
            place = choice.choose(self.hubs, wanted, self.ground.promised(everybody))
            await self.store.write(_found, load, place.hub)
            self.where[load.name] = place.hub

    async def tick(self) -> None:
        """Lets one interval pass: each hub tells its metrics, one after the other, and decisions come between them."""
        for machine in self.machines.values():
            self.at += self.every / len(self.machines)
            here = [name for name, hub in self.where.items() if hub == machine.name and name not in self.suspended]
            for name in here:
                self.used[name] = self.loads[name].use(self.at, self.every)
            machine.passes(self.every, sum(self.used[name].cpu for name in here), self.outside)
            if machine.online:
                self._measure(machine)
            await self.settle()
        for hub in self.hubs.look_for_silence(self.at):
            self.facts.hub_gone(hub.name)
        self.facts.passed(self.at)
        await self.settle()
        await self.resumes.look()
        await self.settle()

    async def settle(self) -> None:
        """Returns when all that was decided has been carried out."""
        while tasks := [*self.reactions._tasks, *self.resumes._tasks.values()]:
            await asyncio.gather(*tasks)

    def say(self, topic: str, payload: str, *, retain: bool = False) -> None:
        """A device speaks; a retained message is what the broker had kept from some day."""
        self.retained = retain
        self.facts.telemetry(topic, payload.encode(), 0, retain, self.at)
        self.retained = False

    async def goes(self, hub: str) -> None:
        machine = self.machines[hub]
        machine.online = False
        await self.hubs.take_status(hub, HubStatus(state="offline", boot="b", start=machine.start), self.at)
        self.facts.hub_gone(hub)

    async def comes(self, hub: str) -> None:
        machine = self.machines[hub]
        machine.online, machine.start = True, machine.start + 1
        await self._comes(machine)
        self._measure(machine)

    async def wants(self, intent: intents.Intent) -> bool:
        """A person, or failover, wants something; returns whether it was done."""
        try:
            await self.actions.carry_out(intent)
        except MidstreamError:
            return False
        return True

    async def _comes(self, machine: Machine) -> None:
        await self.hubs.take_status(machine.name, HubStatus(state="online", boot="b", start=machine.start), self.at)

    def _measure(self, machine: Machine) -> None:
        here = {
            name: self.used[name]
            for name, hub in self.where.items()
            if hub == machine.name and name not in self.suspended and name in self.used
        }
        free = machine.memory - machine.own_memory - sum(use.memory for use in here.values())
        metrics = HubMetrics(
            cpu=machine.cpu, load=machine.cpu / 100, memory=100 * (1 - free / machine.memory), memory_available=free,
            swap=0, disk=30, temperature=machine.temperature, battery=machine.battery if machine.on_ups else None,
            mains=machine.mains if machine.on_ups else None, instances=here,
        )  # fmt: skip
        self.hubs.take_metrics(machine.name, metrics, self.at)
        self.facts.hub(machine.name, metrics, self.at)

    def _fire(self, firing: Firing) -> None:
        assert not self.retained, f"{firing.why}, on a retained message"
        self.fired.append(firing)
        self.reactions.fire(firing)

    # Beyond the coordinator's commands: as `Commands`, `Keeping`, `Moves` and `Claims` of actions and reactions ---------

    strays = ()

    async def ask(self, hub: str, command: object, _: object) -> Captured:
        if not self.machines[hub].online:
            raise UnreachableError(f"{hub} is away")
        return Captured(
            instance=command.instance, hub=hub, id=command.id, epoch=command.epoch, checkpoint="c", parent="", parts=1,
            size=1, digest="", line="", held=command.hold,
        )  # fmt: skip

    async def take(self, _: str, told: Captured) -> None:
        if told.held:
            await self.store.write(instances.change, told.instance, told.epoch, state="suspended", since=now())
            self.suspended[told.instance] = self.at

    async def settled(self, _: str) -> None:
        return

    def under_way(self, _: str) -> None:
        return None

    async def open(self, move: Move) -> Move:
        move.handover = "takeover"
        await self.store.write(moves.open_one, move)
        return move

    async def carried(self, move: Move) -> Move:
        assert self.machines[move.destination].online, f"{move.destination} was chosen while it was away"
        if not await self.store.write(_land, move.id):  # it has gone another way meanwhile: the hub refuses the capture
            self.ground.reservations.release(move.instance)
            move.state, move.failure = "cancelled", "it is of an older epoch"
            return move
        move.state = "done"
        if move.source and move.source != move.destination:
            self.moved.append((move.instance, self.at, move.by))
        self.where[move.instance] = move.destination
        self.suspended.pop(move.instance, None)
        self.used[move.instance] = InstanceUse(cpu=0.0, memory=50 * MB)
        self.ground.reservations.arrived(move.instance, move.destination, self.at)
        return move

    def close(self) -> None:
        self.store.close()


def _machines() -> list[Machine]:
    return [
        Machine("nas", memory=8000 * MB, warmth=10, labels=["batch", "mains"], on_ups=True),
        Machine("desk", memory=6000 * MB, warmth=14, labels=["batch"], on_ups=True),
        Machine("attic", memory=4000 * MB, warmth=22, labels=["batch"]),
        Machine("porch", memory=4000 * MB, warmth=18, labels=[]),
    ]


def _found(session: object, load: Load, hub: str) -> None:
    plain = load.settings.to_plain()
    function = Function(
        name=load.name, digest=load.name, module="m", doc="", parameters={}, settings=plain, created=now()
    )
    number = instances.remember_function(session, function)
    session.add(
        Instance(
            id=load.name, function=number, settings=plain, trunk=load.name, state="running", epoch=1, hub=hub,
            since=now(), created=now(),
        )
    )  # fmt: skip


def _land(session: object, number: str) -> bool:
    move = moves.find(session, number)
    landed = instances.change(
        session, move.instance, move.epoch, epoch=move.epoch + 1, hub=move.destination, state="running", resume=None,
        wanted="running", since=now(), reason=move.why,
    )  # fmt: skip
    move.state, move.claimed, move.ended = "done" if landed else "cancelled", move.epoch + landed, now()
    return landed
