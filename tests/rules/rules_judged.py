"""Facts with rules over them, and what fired: time is an argument, 0 is midnight on a Monday."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from coordinator.facts import Facts
from coordinator.rules.evaluation import Evaluation
from coordinator.rules.files import RuleBook
from coordinator.rules.rule import Firing
from coordinator.rules.state import RuleState
from devices.protocol.messages import HubMetrics, InstanceUse

MIDNIGHT = datetime(2026, 1, 5, tzinfo=UTC)


def clock(at: float) -> datetime:
    return MIDNIGHT + timedelta(seconds=at)


class Judged:
    """Facts with rules over them, and what fired."""

    def __init__(self, folder: Path, text: str) -> None:
        self.folder = folder
        self.fired: list[Firing] = []
        self.facts = Facts()
        self.evaluation = Evaluation(self.book(text).rules, self.facts, self.fired.append, calendar=clock)

    def book(self, text: str) -> RuleBook:
        (self.folder / "rules.toml").write_text(text)
        return RuleBook.load(self.folder)

    def hub(self, name: str, at: float, *, cpu: float = 1, memory: float = 50, **said) -> None:
        uses = {name: InstanceUse(cpu=use[0], memory=use[1]) for name, use in said.items() if isinstance(use, tuple)}
        more = {name: value for name, value in said.items() if not isinstance(value, tuple)}
        metrics = HubMetrics(
            cpu=cpu, load=0, memory=memory, memory_available=10**9, swap=0, disk=0, instances=uses, **more
        )
        self.facts.hub(name, metrics, at)

    def say(self, topic: str, payload: str | bytes, at: float = 0.0, *, retain: bool = False) -> None:
        self.facts.telemetry(topic, payload if isinstance(payload, bytes) else payload.encode(), 0, retain, at)

    @property
    def subjects(self) -> list[str]:
        return [firing.subject for firing in self.fired]

    def pass_time(self, start: float, end: float) -> None:
        for at in range(int(start), int(end) + 1):
            self.facts.passed(at)

    @property
    def times(self) -> list[float]:
        return [firing.at for firing in self.fired]

    def state(self, name: str) -> RuleState:
        return self.evaluation.states[name]
