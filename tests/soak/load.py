"""A steady load from foreign publishers, and what the broker's tap saw become of it."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from devices.mqtt.address import BrokerAddress
from devices.testing.broker import Heard, RawPublisher, Tap

FUNCTION = '''
from midstream import ctx, function


@function
def ledger():
    """Adds up the numbers of each topic, and says after each what it has."""
    totals = {}
    for message in ctx.subscribe("numbers/#"):
        totals[message.topic] = totals.get(message.topic, 0) + int(message.text)
        ctx.publish("applied/" + message.topic, f"{message.text} {totals[message.topic]}")
'''


class Load:
    """Publishers that send 1, 2, 3 ... at a steady pace, one for each QoS, until they are stopped.

    Args:
        address: the broker.
        rate: numbers a second of each publisher.
    """

    def __init__(self, address: BrokerAddress, rate: float) -> None:
        self.sent: dict[str, int] = {}
        self.failures: list[Exception] = []
        self._address, self._pause = address, 1 / rate
        self._enough = threading.Event()
        self._threads = [threading.Thread(target=self._publish, args=(qos,)) for qos in (0, 1)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join()

    def _publish(self, qos: int) -> None:
        topic = f"numbers/{qos}"
        try:
            with RawPublisher(self._address, f"soak-{qos}") as publisher:
                while not self._enough.wait(self._pause):
                    number = self.sent.get(topic, 0) + 1
                    publisher.publish(topic, str(number), qos=qos)
                    self.sent[topic] = number
        except Exception as error:
            self.failures.append(error)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the numbers that the broker accepted.

    Attributes:
        messages: accepted by the broker.
        lost: never applied.
        doubled: applied more than once.
        wrong: said with another total than that of all numbers up to it, in order.
        delays: seconds from each number's coming to the word of it, in order of the time it came.
    """

    messages: int
    lost: int
    doubled: int
    wrong: int
    delays: Sequence[float]


def all_applied(heard: Sequence[Heard], sent: dict[str, int]) -> bool:
    """Whether the last number of each topic has been applied."""
    return all(any(_applied(one) == (topic, last) for one in reversed(heard)) for topic, last in sent.items())


def outcome(tap: Tap) -> Outcome:
    """Returns what a tap on ``numbers/#`` and ``applied/#`` tells of a load."""
    came: dict[tuple[str, int], float] = {}
    said: dict[tuple[str, int], list[Heard]] = defaultdict(list)
    for heard in tap.heard:
        if (applied := _applied(heard)) is not None:
            said[applied].append(heard)
        else:
            came[heard.topic, int(heard.payload)] = heard.time
    times = Counter({number: len(heard) for number, heard in said.items()})
    totals = {key: int(said[key][0].payload.split()[1]) for key in came if key in said}
    return Outcome(
        messages=len(came),
        lost=sum(key not in said for key in came),
        doubled=sum(count > 1 for count in times.values()),
        wrong=sum(total != number * (number + 1) // 2 for (_, number), total in totals.items()),
        delays=[said[key][0].time - time for key, time in came.items() if key in said],
    )


def _applied(heard: Heard) -> tuple[str, int] | None:
    """Returns topic and number of what the function said, None of what it was sent."""
    kind, _, topic = heard.topic.partition("/")
    return (topic, int(heard.payload.split()[0])) if kind == "applied" else None
