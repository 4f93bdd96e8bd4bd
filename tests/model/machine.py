"""The moves of a home as a state machine: what people, hubs, networks and the death of any part can do, in any order.

At the end everything is healed, time passes, and what must be so is looked at. What must be so at any time is looked at
after each rule.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from model_coordinator import CLIENT, Process, fresh_store
from model_hub import ModelHub
from network import TOPICS, Network
from sqlalchemy import select
from virtual_time import VirtualLoop

from coordinator.moves.machine import ENDED
from coordinator.store import instances
from coordinator.store.schema import Checkpoint, Instance, Move
from devices.mqtt.kind import BrokerKind
from devices.protocol import messages
from devices.protocol.messages import Claim, Request

HUBS = ("hub-a", "hub-b", "hub-c")
FUNCTION = """\
from midstream import function, ctx

@function(failover="auto")
def counter():
    for message in ctx.subscribe("ticks"):
        ctx.publish("count", 1)
"""
QUIET: Final = 240.0
"""Seconds after which everything that was begun must have come to an end: the longest limits of a move, one after another."""
CALM: Final = 10.0
"""Seconds that pass in any case."""
_TEMPLATE: Final = Path(
    tempfile.mkdtemp(prefix="midstream-model-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
)
atexit.register(shutil.rmtree, _TEMPLATE, ignore_errors=True)
names = st.sampled_from(HUBS)
hubs = st.integers(0, len(HUBS) - 1)
waits = st.sampled_from([0.0, 0.01, 1.1, 2.5, 20.0, 70.0])


class Moves(RuleBasedStateMachine):
    """One instance, three hubs, one coordinator."""

    @initialize(kind=st.sampled_from([BrokerKind.MOSQUITTO, BrokerKind.EMBEDDED]))
    def begin(self, kind: BrokerKind) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=_TEMPLATE))
        fresh_store(_TEMPLATE, self.folder / "coordinator")
        self.kind = kind
        self.loop = VirtualLoop().__enter__()
        self.network = Network()
        self.outputs: dict[int, str] = {}
        self.epochs = {"store": 0, "claim": 0}
        self.wishes = 0
        self.failed: list[str] = []
        self.hubs = {name: ModelHub(name, self.network, self._output) for name in HUBS}
        self._in_loop(lambda: [hub.start() for hub in self.hubs.values()])
        self.process: Process | None = None
        self.start_coordinator()
        self._pass(5.0)
        self.ask("run", files={"counter.py": FUNCTION}, hub="hub-a")
        self._pass(2.0)
        assert self._holders() == [("hub-a", "running", 1)]

    def _in_loop(self, work: Any) -> None:
        async def inside() -> None:
            work()

        self.loop.run_until_complete(inside())

    def _pass(self, seconds: float) -> None:
        while seconds > 0:  # hubs measure each 5 s: otherwise they fall silent
            self._in_loop(lambda: [hub.measure() for hub in self.hubs.values()])
            self.loop.pass_time(min(seconds, 5.0))
            seconds -= 5.0
        if self.process is not None and self.process.effects.dead:
            self.process.kill()
            self.process = None
        if self.process is not None:
            self.process.check()

    def _output(self, instance: str, number: int, secret: str) -> None:
        known = self.outputs.setdefault(number, secret)
        if known != secret:
            self.failed.append(f"output {number} of {instance} left twice, from two states")

    def _holders(self) -> list[tuple[str, str, int]]:
        copies = [(hub.name, hub.copies.get("counter")) for hub in self.hubs.values() if hub.alive]
        return [(name, copy.state, copy.epoch) for name, copy in copies if copy is not None]

    # What people want -------------------------------------------------------------------------------------------------

    def ask(self, question: str, **arguments: Any) -> None:
        self.wishes += 1
        request = messages.encode(Request(ask=question, arguments=arguments))
        self._in_loop(
            lambda: self.network.publish(
                "person", TOPICS.request, request, response_topic=TOPICS.request_answer("person"),
                correlation=str(self.wishes).encode(),
            )
        )  # fmt: skip
        self._pass(0.001)

    @rule(hub=names)
    def migrate(self, hub: str) -> None:
        self.ask("migrate", instance="counter", hub=hub)

    @rule()
    def suspend(self) -> None:
        self.ask("suspend", instance="counter")

    @rule(hub=st.sampled_from(["", *HUBS]))
    def resume(self, hub: str) -> None:
        self.ask("resume", instance="counter", hub=hub)

    @rule()
    def ask_for_a_checkpoint(self) -> None:
        self.ask("checkpoint", instance="counter")

    # What functions do ------------------------------------------------------------------------------------------------

    @rule(which=hubs, checkpoint=st.booleans())
    def step(self, which: int, checkpoint: bool) -> None:
        if hub := self._of(which, _runs_a_copy):
            copy = hub.copies["counter"]
            copy.step()
            if checkpoint:
                self._in_loop(lambda: hub.checkpoint(copy))
        self._pass(0.001)

    # Time and messages ------------------------------------------------------------------------------------------------

    @rule(seconds=waits)
    def wait(self, seconds: float) -> None:
        self._pass(seconds)

    @rule()
    def messages_stop(self) -> None:
        self.network.promptly = False

    @rule()
    def messages_flow(self) -> None:
        self._in_loop(self.network.catch_up)
        self._pass(0.001)

    @rule(who=st.sampled_from([CLIENT, *(f"hub {name}" for name in HUBS)]), index=st.integers(0, 3))
    def one_message_passes(self, who: str, index: int) -> None:
        if who in self.network.ways:
            self._in_loop(lambda: self.network.ways[who].pass_on(index))
        self._pass(0.001)

    @rule(who=st.sampled_from([CLIENT, *(f"hub {name}" for name in HUBS)]), index=st.integers(0, 3))
    def a_message_comes_twice(self, who: str, index: int) -> None:
        self.network.repeat(who, index)

    # Deaths -----------------------------------------------------------------------------------------------------------

    @rule(effects=st.integers(0, 12))
    def coordinator_dies(self, effects: int) -> None:
        """So many commits and messages later: between any two statements of whatever it does then."""
        if self.process is not None:
            self.process.effects.left = effects
            if effects == 0:
                self.process.effects.end()
        self._pass(0.001)

    @precondition(lambda self: self.process is None)
    @rule()
    def start_coordinator(self) -> None:
        self.process = Process(self.folder / "coordinator", self.network, self.kind, self.loop)
        self._pass(0.001)

    def _of(self, which: int, fits: Callable[[ModelHub], bool]) -> ModelHub | None:
        fitting = [hub for hub in self.hubs.values() if fits(hub)]
        return fitting[which % len(fitting)] if fitting else None

    @rule(which=hubs)
    def hub_dies(self, which: int) -> None:
        if hub := self._of(which, lambda hub: hub.alive):
            self._in_loop(hub.kill)
        self._pass(0.001)

    @precondition(lambda self: any(not hub.alive for hub in self.hubs.values()))
    @rule(which=hubs, loses_its_disk=st.booleans())
    def hub_starts(self, which: int, loses_its_disk: bool) -> None:
        if hub := self._of(which, lambda hub: not hub.alive):
            if loses_its_disk:
                hub.disk.clear()
            self._in_loop(hub.start)
        self._pass(0.001)

    @rule(which=hubs)
    def hub_loses_the_broker(self, which: int) -> None:
        if hub := self._of(which, lambda hub: hub.alive and hub.up):
            self._in_loop(hub.disconnect)
        self._pass(0.001)

    @precondition(lambda self: any(hub.alive and not hub.up for hub in self.hubs.values()))
    @rule(which=hubs)
    def hub_finds_the_broker(self, which: int) -> None:
        if hub := self._of(which, lambda hub: hub.alive and not hub.up):
            self._in_loop(hub.connect)
        self._pass(0.001)

    @rule(which=hubs)
    def next_restore_fails(self, which: int) -> None:
        if hub := self._of(which, lambda hub: hub.alive):
            hub.refuses = 1

    # What must be so at any time --------------------------------------------------------------------------------------

    @invariant()
    def all_is_as_it_must_be(self) -> None:
        self.nothing_was_published_that_a_state_does_not_remember()
        self.one_hub_at_most_acts_and_none_behind_a_newer_epoch()
        self.epochs_never_go_back()
        self.each_command_is_carried_out_once()

    def nothing_was_published_that_a_state_does_not_remember(self) -> None:
        assert not self.failed, self.failed

    def one_hub_at_most_acts_and_none_behind_a_newer_epoch(self) -> None:
        acting = [copy for hub in self.hubs.values() if hub.alive for copy in hub.copies.values() if copy.acts]
        assert len(acting) <= 1, acting
        newest = max((copy.epoch for hub in self.hubs.values() if hub.alive for copy in hub.copies.values()), default=0)
        for copy in acting:
            assert copy.epoch == newest or copy.state != "running", (copy.epoch, newest)

    def epochs_never_go_back(self) -> None:
        payload = self.network.retained.get(TOPICS.instance("counter", "claim"))
        claimed = messages.decode(payload, Claim, "claim").epoch if payload else 0
        assert claimed >= self.epochs["claim"] or not payload, (claimed, self.epochs)
        self.epochs["claim"] = max(claimed, self.epochs["claim"])
        if self.process is not None:
            instance = self._read(lambda session: instances.find(session, "counter"))
            if instance is not None:
                assert instance.epoch >= self.epochs["store"]
                assert instance.epoch >= claimed, "a claim was published before it was decided"
                self.epochs["store"] = instance.epoch

    def each_command_is_carried_out_once(self) -> None:
        for hub in self.hubs.values():
            if hub.alive:
                assert len(hub.carried_out) == len(set(hub.carried_out)), hub.carried_out

    def _read(self, work: Any) -> Any:
        assert self.process is not None
        return self.loop.run_until_complete(self.process.store.read(work))

    # At the end -------------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        try:
            self._heal()
            self._judge()
        finally:
            if self.process is not None:
                self.process.kill()
            self.loop.__exit__()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _heal(self) -> None:
        if self.process is not None:
            self.process.effects.left = None
        self._in_loop(self.network.catch_up)
        for hub in self.hubs.values():
            hub.refuses = 0
            if not hub.alive:
                self._in_loop(hub.start)
            elif not hub.up:
                self._in_loop(hub.connect)
        if self.process is None:
            self.start_coordinator()
        passed = 0.0
        while passed < QUIET and (passed < CALM or not self._is_calm()):
            self._pass(CALM)
            passed += CALM

    def _is_calm(self) -> bool:
        instance, moves, _ = self._read(_everything)
        ended = all(move.state in ENDED for move in moves)
        return ended and self._holders() == [(instance.hub, instance.state, instance.epoch)]

    def _judge(self) -> None:
        self.all_is_as_it_must_be()
        instance, moves, chain = self._read(_everything)
        assert all(move.state in ENDED for move in moves), [(move.kind, move.state, move.failure) for move in moves]
        for move in moves:
            if move.state == "failed":
                assert move.claimed, "a move that passed its commit point was given up without a claim"
        by_id = {row.id: row for row in chain}
        orphans = [row.id for row in chain if row.parent and row.parent not in by_id]
        assert not orphans, "a checkpoint whose parent was never stored"
        assert instance.state in ("running", "suspended", "failed"), instance.state
        holders = self._holders()
        if instance.state != "failed":
            assert holders == [(instance.hub, instance.state, instance.epoch)], (holders, columns_of(instance))
        if instance.state == "running":
            copy = self.hubs[instance.hub].copies["counter"]
            assert copy.acts
            if not instance.muted:  # else it went back to an older checkpoint, and publishes nothing
                published = {number: copy.outputs[number - 1 : number] for number in self.outputs}
                assert published == {number: [secret] for number, secret in self.outputs.items()}


def _runs_a_copy(hub: ModelHub) -> bool:
    copy = hub.copies.get("counter") if hub.alive else None
    return copy is not None and copy.state == "running" and not copy.frozen


def _everything(session: Any) -> tuple[Instance, list[Move], list[Checkpoint]]:
    instance = instances.find(session, "counter")
    assert instance is not None
    return instance, list(session.scalars(select(Move))), list(session.scalars(select(Checkpoint)))


def columns_of(row: Instance) -> dict[str, Any]:
    return {name: value for name, value in vars(row).items() if not name.startswith("_")}
