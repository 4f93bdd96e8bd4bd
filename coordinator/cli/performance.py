"""The demo's course: start everything, let a function run, heat its hub, watch it move, count what came out.

Each step waits for what is heard on the broker, with a deadline; none waits for a time.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import msgspec

from coordinator.cli import screen
from coordinator.cli.documents import Proof
from coordinator.cli.evidence import Evidence
from coordinator.cli.installation import HubPlan, Installation, Plan, broker_for
from coordinator.cli.options import DEFAULT_PREFIX, Target
from coordinator.cli.picture import Picture
from coordinator.cli.replay import replay
from coordinator.cli.requests import Requests
from coordinator.cli.running import beside
from coordinator.cli.story import THRESHOLD, Story, now_drawing
from coordinator.cli.tidying import tidy
from coordinator.cli.watching import listener
from coordinator.views import answers
from devices.errors import MidstreamError, ProtocolError
from devices.mqtt.address import BrokerAddress
from devices.mqtt.delivery import Delivery
from devices.mqtt.kind import BrokerKind, probe
from devices.protocol import commands, messages
from devices.simulators import heat, house

READINGS: Final = 1200
"""Of all devices together."""
EVERY: Final = 0.035
"""Seconds between two readings of a device: ten seconds in all, half of them before the move."""
WINDOW: Final = 60
"""Readings that may be under way: the devices wait for the function, as those of a home never outrun a hub."""
WARM_UP: Final = READINGS // 10
"""Readings before the heat begins."""
STEP: Final = 30.0
"""Seconds that one step of the demo may take; on a PC the whole takes half of it."""
FUNCTION: Final = "household"

_ANY_COMMAND: Final[Any] = commands.AnyCommand  # a union is no type to mypy

RULE: Final = f"""\
[hot]
when = "hub.temperature > {THRESHOLD:g}"
for  = "2s"
do   = "migrate"
"""


class Performance:
    """One demo in a system that has been started.

    Args:
        installation: the system.
        story: who tells it.
        name: the instance's.
        sensor: the file that is hub-a's thermal zone.
        site: the levels before all topics of the devices.
    """

    def __init__(self, installation: Installation, story: Story, name: str, sensor: Path, site: str) -> None:
        self._system = installation
        self._picture = installation.picture
        self._story = story
        self._name = name
        self._sensor = sensor
        self._hubs = [hub.name for hub in installation.plan.hubs]
        self._devices = house.furnish(site)
        self._report = f"{site}/{name}/report" if site else f"{name}/report"
        self._arguments = {"readings": READINGS, "report": self._report, "site": f"{site}/" if site else ""}
        self.evidence = Evidence(self._reading_of, self._report)
        self._kind = BrokerKind.MOSQUITTO
        self._result: list[Any] = []
        self._summaries: dict[str, messages.CheckpointSummary] = {}
        self._crossed = False

    async def play(self) -> Proof:
        """Plays it, and returns its proof; `listen` must run beside it.

        Raises:
            MidstreamError: a part refused something, or a step took too long.
        """
        system, file = self._system, function_file()
        await system.until(system.ready, "coordinator and hubs did not come", STEP)
        self._story.tell("ready", f"coordinator, {', '.join(self._hubs)}: a process each, with a folder of its own")
        async with Requests(Target(system.address, system.plan.prefix, as_json=True)) as requests:
            asked = answers.RunAsk(
                files={file.name: file.read_text()},
                function=FUNCTION,
                name=self._name,
                hub=self._hubs[0],
                arguments=self._arguments,
            )
            await requests.ask("run", asked)
            await system.until(self._listens, f"{self._name} did not begin to listen", STEP)
            self._story.tell("function", f"{file.name} runs on {self._hubs[0]}: it adds up what the devices report")
            self._story.tell(
                "devices", f"{', '.join(device.name for device in self._devices)}: as their firmware sends"
            )
            await beside(self._heated(), self._simulated())
            rows = await requests.ask("lineage", answers.LineageAsk(instance=self._name))
        move = self._picture.moves[self._name]
        self._story.finished(move.destination, self._result[0])
        unmoved = replay(file, FUNCTION, self._arguments, self.evidence.telemetry)
        lineage = [row.checkpoint for row in rows]
        return self.evidence.proof(
            moves=[move], result=self._result[0], unmoved=unmoved, lineage=lineage, broker=self._kind
        )

    async def listen(self) -> None:
        """Hears devices, function and system on the broker; to be run beside `play`.

        Raises:
            UnreachableError: the broker has gone.
        """
        topics = self._picture.topics
        filters = self._picture.filters | {
            topics.summary("+"): 0,
            topics.hub("+", "command"): 0,
            topics.instance(self._name, "result"): 0,
            self._report: 1,
            **{device.numbered: 1 for device in self._devices},
        }
        async with listener(self._system.address, "demo") as session:
            await session.subscribe(filters)
            self._kind = await probe(session)
            async for delivery in session.deliveries():
                self._take(delivery)
                self._system.changed.set()

    async def _simulated(self) -> None:
        await house.simulate(
            self._system.address,
            self._devices,
            every=EVERY,
            readings=READINGS,
            window=WINDOW,
            applied=self._report,
            log=lambda _: None,
        )

    async def _heated(self) -> None:
        system, name = self._system, self._name
        await system.until(lambda: self.evidence.applied.total() >= WARM_UP, f"{name} has applied nothing", STEP)
        await heat.ramp(self._sensor, seconds=2.0)
        await system.until(self._has_moved, f"{name} did not move", STEP)
        await system.until(self._has_finished, f"{name} did not finish", STEP)

    def _listens(self) -> bool:
        state = self._picture.instances.get(self._name)
        return state is not None and state.state == "running" and bool(state.waiting)

    def _state(self) -> str:
        state = self._picture.instances.get(self._name)
        if state is not None and state.state in ("failed", "stopped"):
            raise MidstreamError(f"{self._name} has {state.state}: {state.reason}", place=state.line)
        return state.state if state is not None else ""

    def _has_moved(self) -> bool:
        self._state()
        move = self._picture.moves.get(self._name)  # a start is reported too, as a move from nowhere
        return move is not None and move.state == "done" and move.source != move.destination == self._hubs[1]

    def _has_finished(self) -> bool:
        return self._state() == "finished" and bool(self._result)

    def _reading_of(self, delivery: Delivery) -> tuple[str, int] | None:
        return house.reading_of(self._devices, delivery.topic, delivery.payload)

    def _take(self, delivery: Delivery) -> None:
        self._picture.take(delivery)
        self.evidence.take(delivery)
        try:
            self._tell(delivery.topic, delivery.payload)
        except ProtocolError as error:
            self._story.tell("unread", str(error))

    def _tell(self, topic: str, payload: bytes) -> None:
        match self._picture.topics.split(topic):
            case ["checkpoints", name, "summary"]:
                self._summaries[name] = messages.decode(payload, messages.CheckpointSummary, topic)
            case ["hubs", hub, "command"]:
                self._tell_command(hub, topic, payload)
            case ["hubs", hub, "metrics"] if hub == self._hubs[0]:
                self._look_at_the_heat()
            case ["events", "hot"]:
                self._story.event(self._picture.events[-1])
            case ["instances", self._name, "move"] if self._has_moved():
                self._story.moved(self._picture.moves[self._name])
            case ["instances", self._name, "result"] if payload:
                self._result = [msgspec.json.decode(payload)]

    def _tell_command(self, hub: str, topic: str, payload: bytes) -> None:
        command: commands.AnyCommand = messages.decode(payload, _ANY_COMMAND, topic)
        if isinstance(command, commands.Restore) and command.move:
            summary = self._summaries.get(command.checkpoint)
            if summary is not None and summary.line:
                self._story.captured(summary)
                self._story.restored(hub, command)

    def _look_at_the_heat(self) -> None:
        temperatures = self._picture.hubs[self._hubs[0]].temperatures
        if not self._crossed and temperatures and temperatures[-1] > THRESHOLD:
            self._crossed = True
            self._story.crossed(self._hubs[0], temperatures)

    def drawing(self) -> Any:
        """What stands below the story while it goes on."""
        return now_drawing(self._picture, self.evidence, self._hubs, self._name)


async def perform(folder: Path, story: Story, *, broker: BrokerAddress | None, embedded: bool) -> Proof:
    """Starts a system in a folder, plays the demo in it, and ends it, however that goes.

    Args:
        folder: an empty one; everything stands below it.
        story: who tells it.
        broker: somebody's running one, where everything of the demo stands below a prefix of its own and is cleared
            away at the end; ``None`` starts one.
        embedded: start the one from the wheel even where a Mosquitto is installed.

    Raises:
        MidstreamError: something did not work; the message says what.
    """
    mark = secrets.token_hex(2)
    prefix = f"{DEFAULT_PREFIX}-demo-{mark}" if broker else DEFAULT_PREFIX
    hubs = ("hub-a", "hub-b")
    name = f"{FUNCTION}-{mark}" if broker else FUNCTION
    (folder / "rules").mkdir()
    (folder / "rules" / "demo.toml").write_text(RULE)
    sensors = {hub: folder / f"{hub}.celsius" for hub in hubs}
    for sensor in sensors.values():
        heat.show(sensor, heat.COOL)
    plan = Plan(
        folder=folder,
        prefix=prefix,
        hubs=tuple(HubPlan(hub, ("--metrics-every", "500ms", "--temperature", str(sensors[hub]))) for hub in hubs),
        broker=broker,
        embedded=embedded,
        coordinator_options=("--rules", str(folder / "rules")),
    )
    with broker_for(plan) as (address, words):
        story.tell("broker", f"{words} at {address}")
        installation = Installation(plan, address, words, Picture(prefix))
        site = f"{prefix}/home" if broker else ""
        performance = Performance(installation, story, name, sensors[hubs[0]], site)
        async with _started(installation), screen.drawn(story.screen, performance.drawing, whole_screen=False):
            return await beside(performance.play(), performance.listen(), installation.guard())


@contextlib.asynccontextmanager
async def _started(installation: Installation) -> AsyncIterator[None]:
    plan = installation.plan
    try:
        installation.start_parts()
        yield
    finally:
        await installation.stop()
        if plan.broker is not None:
            parts = ("coordinator", *(f"hub-{hub.name}" for hub in plan.hubs))
            clients = [installation.picture.topics.client_id(part) for part in parts]
            await tidy(plan.broker, [f"{plan.prefix}/#"], clients)


def function_file() -> Path:
    """Returns the example that the demo runs: beside this file in an installed wheel, in a checkout at its top."""
    installed = Path(__file__).parent / "examples" / f"{FUNCTION}.py"
    return installed if installed.exists() else Path(__file__).parents[2] / "examples" / f"{FUNCTION}.py"
