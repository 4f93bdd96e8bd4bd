"""What a seed means: which functions, which messages, which moves, and what breaks when. Pure; nothing here runs.

The same seed gives the same schedule on every machine. What comes of it depends on the machine's timing, so a breach may
need a few runs of its seed to come again.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

HUBS: Final = ("hub-a", "hub-b", "hub-c")
SECONDS: Final = 3.0
"""Seconds in which messages are sent, functions moved, and faults begin."""
LONGEST: Final = 2.5
"""Seconds that a fault lasts, at most; one in eight partitions lasts `SILENCE` longer, so that a hub counts as silent."""
SILENCE: Final = 16.0

COORDINATOR_POINTS: Final = (
    "after-requested",
    "after-prepared",
    "after-captured",
    "after-stored",
    "after-released",
    "after-claimed",
    "after-restored",
    "after-running",
)
HUB_POINTS: Final = tuple(
    f"{when}-{step}"
    for step in (
        "keep",  # a checkpoint in the spool
        "note",  # a claim or verdict in the spool
        "stored",  # the coordinator's word for a checkpoint
        "release",  # the commit point of a move
        "restore",
        "open-session",
        "acknowledge",
        "let-outputs-go",
        "forget",
        "late-mail",
        "go-on",
    )
    for when in ("before", "after")
)


@dataclass(frozen=True, slots=True)
class Step:
    """Something that is done at a moment.

    Args:
        at: seconds since the schedule's beginning.
        what: its name.
        whom: a hub, "coordinator", "broker", or a function's number.
        value: a destination, a crash point.
        lasts: seconds until it is undone; 0 if there is nothing to undo.
    """

    at: float
    what: str
    whom: str
    value: str = ""
    lasts: float = 0.0

    def __str__(self) -> str:
        words = [f"{self.at:6.2f} s", self.what, self.whom, self.value, f"for {self.lasts:.2f} s" if self.lasts else ""]
        return " ".join(word for word in words if word)


@dataclass(frozen=True, slots=True)
class Say:
    """A device's message; its number is its place among those of its topic."""

    at: float
    function: int
    device: str
    qos: int
    retain: bool
    times: int  # a device that says the same twice means it twice


@dataclass(frozen=True, slots=True)
class Function:
    """How a function is started."""

    hub: str
    ballast: int  # bytes of its state that cannot be compressed
    every: int  # it publishes after so many messages
    pause: float  # seconds that it sleeps after each message


@dataclass(frozen=True, slots=True)
class Schedule:
    """All that a seed says."""

    seed: int
    functions: tuple[Function, ...]
    says: tuple[Say, ...]
    moves: tuple[Step, ...]
    faults: tuple[Step, ...]

    @property
    def breaks_broker(self) -> bool:
        """Whether the broker itself dies."""
        return any(step.what == "kill" and step.whom == "broker" for step in self.faults)

    @property
    def turns_clocks(self) -> bool:
        """Whether a clock is turned."""
        return any(step.what == "turn-clock" for step in self.faults)

    @property
    def is_planned(self) -> bool:
        """Whether nothing dies and no link breaks, so that QoS 0 is exact too."""
        return not self.faults

    def __str__(self) -> str:
        lines = [f"seed {self.seed}: {len(self.says)} messages"]
        lines += [f"   function {number}: {function}" for number, function in enumerate(self.functions)]
        steps = sorted((*self.moves, *self.faults), key=lambda step: step.at)
        return "\n".join([*lines, *(f"   {step}" for step in steps)])


def schedule(seed: int, broker: str = "mosquitto") -> Schedule:
    """Returns the schedule of a seed for a broker."""
    chance = random.Random(seed)
    functions = tuple(_function(chance) for _ in range(2))
    says = sorted((_say(chance) for _ in range(chance.randint(60, 180))), key=lambda say: say.at)
    moves = sorted((_move(chance, functions) for _ in range(chance.randint(2, 7))), key=lambda step: step.at)
    kinds = _KINDS[broker]
    faults: list[Step] = []
    for _ in range(chance.choice((0, 1, 1, 1, 2, 2, 2, 3, 3, 4))):
        (kind,) = chance.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])
        faults += kind(chance)
    faults.sort(key=lambda step: step.at)
    return Schedule(seed, functions, tuple(says), tuple(moves), tuple(faults))


def _function(chance: random.Random) -> Function:
    return Function(
        hub=chance.choice(HUBS),
        ballast=chance.choice((0, 0, 0, 20_000, 700_000)),
        every=chance.choice((1, 1, 1, 4)),
        pause=chance.choice((0.0, 0.0, 0.005)),
    )


def _say(chance: random.Random) -> Say:
    return Say(
        at=chance.uniform(0.0, SECONDS),
        function=chance.randrange(2),
        device=chance.choices(("plug", "meter", "pub"), (6, 6, 1))[0],
        qos=chance.choice((1, 1, 1, 0)),
        retain=chance.random() < 0.1,
        times=2 if chance.random() < 0.05 else 1,
    )


def _move(chance: random.Random, functions: tuple[Function, ...]) -> Step:
    what = chance.choices(("migrate", "suspend", "checkpoint"), (8, 1, 1))[0]
    where = chance.choice(HUBS) if what == "migrate" else ""
    return Step(chance.uniform(0.0, SECONDS), what, str(chance.randrange(len(functions))), where)


def _kill(chance: random.Random) -> list[Step]:
    whom = chance.choice((*HUBS, "coordinator"))
    what = "kill" if whom == "coordinator" else chance.choice(("kill", "kill-tree"))
    return [_step(chance, what, whom)]


def _kill_coordinator(chance: random.Random) -> list[Step]:
    return [_step(chance, "kill", "coordinator")]


def _stop(chance: random.Random) -> list[Step]:
    return [_step(chance, "stop", chance.choice((*HUBS, "coordinator")))]


def _stop_coordinator(chance: random.Random) -> list[Step]:
    return [_step(chance, "stop", "coordinator")]


def _worker(chance: random.Random) -> list[Step]:
    what = chance.choice(("kill-worker", "kill-worker", "stop-worker", "kill-spawner"))
    return [_step(chance, what, chance.choice(HUBS), lasts=chance.uniform(0.1, LONGEST) if "stop" in what else 0.0)]


def _broker(chance: random.Random) -> list[Step]:
    return [_step(chance, chance.choice(("kill", "kill", "stop", "restart")), "broker")]


def _link(chance: random.Random) -> list[Step]:
    what = chance.choice(("cut", "hole", "half-open", "half-open", "slow", "lossy", "cut-in-parts"))
    lasts = chance.uniform(0.2, LONGEST)
    if what in ("hole", "half-open") and chance.random() < 1 / 8:
        lasts += SILENCE
    return [_step(chance, what, chance.choice((*HUBS, "coordinator")), lasts=lasts)]


def _slow(chance: random.Random) -> list[Step]:
    return [_step(chance, chance.choice(("slow", "slow", "lossy")), chance.choice((*HUBS, "coordinator")))]


def _zombie(chance: random.Random) -> list[Step]:
    """A hub that stands still while the broker takes it for dead, and then goes on."""
    hub, at, lasts = chance.choice(HUBS), chance.uniform(0.2, SECONDS), chance.uniform(0.5, LONGEST)
    return [Step(at, "stop", hub, "", lasts), Step(at + 0.05, "half-open", hub, "", lasts + chance.uniform(-0.3, 0.5))]


def _crash_hub(chance: random.Random) -> list[Step]:
    return [_step(chance, "crash-at", chance.choice(HUBS), chance.choice(HUB_POINTS), lasts=0.0)]


def _crash_coordinator(chance: random.Random) -> list[Step]:
    return [_step(chance, "crash-at", "coordinator", chance.choice(COORDINATOR_POINTS), lasts=0.0)]


def _parrot(chance: random.Random) -> list[Step]:
    return [_step(chance, "repeat-orders", "broker")]


def _disk(chance: random.Random) -> list[Step]:
    return [_step(chance, "fill-disk", chance.choice((*HUBS, "coordinator")))]


def _clock(chance: random.Random) -> list[Step]:
    jump = chance.choice(("+3h", "-3h", "+2d", "-40m"))
    return [_step(chance, "turn-clock", chance.choice((*HUBS, "coordinator")), jump)]


def _everything(chance: random.Random) -> list[Step]:
    """A power cut of the whole house but the broker; what comes back first is anybody's guess."""
    at = chance.uniform(0.5, SECONDS)
    return [
        Step(at, "kill" if whom == "coordinator" else "kill-tree", whom, "", chance.uniform(0.1, LONGEST))
        for whom in (*HUBS, "coordinator")
    ]


def _step(chance: random.Random, what: str, whom: str, value: str = "", lasts: float | None = None) -> Step:
    return Step(
        chance.uniform(0.1, SECONDS),
        what,
        whom,
        value,
        chance.uniform(0.2, LONGEST) if lasts is None else lasts,
    )


_Kind = Callable[[random.Random], list[Step]]
_KINDS: Final[dict[str, tuple[tuple[_Kind, int], ...]]] = {
    "mosquitto": (
        (_kill, 6),
        (_stop, 3),
        (_worker, 4),
        (_broker, 3),
        (_link, 6),
        (_zombie, 3),
        (_crash_hub, 6),
        (_crash_coordinator, 5),
        (_parrot, 2),
        (_disk, 2),
        (_clock, 2),
        (_everything, 1),
    ),
    # The embedded broker promises planned moves alone (`docs/guarantees.md`): nothing that holds a session may die.
    "embedded": (
        (_kill_coordinator, 3),
        (_stop_coordinator, 2),
        (_slow, 2),
        (_crash_coordinator, 5),
        (_parrot, 1),
        (_clock, 1),
    ),
}
