"""The judge: it hears what everybody on the broker hears, and believes nothing that the product says about itself.

Three parties speak: the devices (`foreign.Account`: what was sent, and what the broker said it has), the function's own
record of what it saw, and the outputs as a stranger heard them. They must agree.

A killed broker may forget what it had accepted. A *witness* says what: a stranger with a session like an instance's that
never acknowledges, so that the broker must send it everything again that it still has.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import paho.mqtt.client as paho

from devices.mqtt.address import BrokerAddress
from tests.faults.foreign import Account, connected, leave
from tests.faults.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Out:
    """An output as it was heard."""

    at: float
    number: int
    mark: str
    ballast: int
    key: str


class Ears:
    """Hears what one function publishes; the broker keeps its session.

    Args:
        address: the broker, without any link between.
        place: first level of the function's topics.
    """

    def __init__(self, address: BrokerAddress, place: str) -> None:
        self.outs: list[Out] = []
        self.seen: list[dict[str, Any]] = []
        self.pulses: list[tuple[str, str]] = []  # process and mark
        self._lock = threading.Lock()
        self._subscribed = threading.Event()
        self._filters = [(f"faults/{place}/{leaf}", 1) for leaf in ("out", "seen", "pulse")]
        self._client = connected(address, f"ears-{place}", keeps=True)
        self._client.on_connect = lambda client, *_: client.subscribe(self._filters)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._heard
        self._client.loop_start()
        self._subscribed.wait(15)

    def _heard(self, _: paho.Client, __: object, message: paho.MQTTMessage) -> None:
        keys = dict(getattr(message.properties, "UserProperty", []))
        with self._lock:
            if message.topic.endswith("/seen"):
                self.seen.append(json.loads(message.payload))
                return
            if message.topic.endswith("/pulse"):
                process, mark = message.payload.decode().split()
                self.pulses.append((process, mark))
                return
            number, mark, ballast = message.payload.decode().split()
            self.outs.append(Out(time.monotonic(), int(number), mark, int(ballast), keys.get("midstream-key", "")))

    def leave(self) -> None:
        """Ends the session."""
        self._client.unsubscribe([each for each, _ in self._filters])
        leave(self._client)


class Witness:
    """Is sent all that the broker still has of a function's inputs; see the module."""

    def __init__(self, address: BrokerAddress, place: str) -> None:
        self.has: Counter[tuple[str, str]] = Counter()
        self._subscribed = threading.Event()
        self._client = connected(address, f"witness-{place}", keeps=True, manual_ack=True)
        self._client.on_connect = self._connected
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._heard
        self._filter = f"faults/{place}/in/#"
        self._client.loop_start()
        self._subscribed.wait(15)

    def _connected(self, client: paho.Client, _: object, flags: paho.ConnectFlags, *__: object) -> None:
        self.has.clear()
        if not flags.session_present:
            client.subscribe(self._filter, 1)

    def _heard(self, _: paho.Client, __: object, message: paho.MQTTMessage) -> None:
        self.has[message.topic.rpartition("/")[2], message.payload.decode()] += 1

    def leave(self) -> None:
        """Ends the session."""
        self._client.unsubscribe(self._filter)
        leave(self._client)


@dataclass
class Verdict:
    """What is wrong, counted, and in words."""

    lost: int = 0
    doubled: int = 0
    lost_by_broker: int = 0
    split_brain_outputs: int = 0
    stuck: int = 0
    words: list[str] = field(default_factory=list)

    @property
    def breached(self) -> bool:
        """Whether a guarantee was."""
        return bool(self.lost or self.doubled or self.split_brain_outputs or self.stuck or self.words)


@dataclass
class Heard:
    """All that is known of one function at the end."""

    number: int
    accounts: dict[tuple[str, str], Account]
    ears: Ears
    witness: Witness | None
    reconnects: int
    broker_deaths: list[float]


def judge(schedule: Schedule, heard: Heard, verdict: Verdict) -> None:
    """Holds what devices sent, what a function saw and what it said against each other."""
    if not heard.ears.seen:
        verdict.stuck += 1
        verdict.words.append(f"function {heard.number} never answered: it is stuck")
        return
    seen = heard.ears.seen[-1]["seen"]
    for earlier in heard.ears.seen[:-1]:
        if earlier["seen"] != seen[: len(earlier["seen"])]:
            verdict.split_brain_outputs += 1
            verdict.words.append(f"function {heard.number} told another past before")
    _judge_inputs(schedule, heard, seen, verdict)
    _judge_order(heard, seen, verdict)
    _judge_outputs(schedule, heard, seen, verdict)
    _judge_pulses(heard, verdict)


def _judge_inputs(schedule: Schedule, heard: Heard, seen: list[list[str]], verdict: Verdict) -> None:
    counts = Counter((device, text) for device, text, _ in seen)
    undisturbed = not heard.broker_deaths and not heard.reconnects
    for (device, text), account in heard.accounts.items():
        got = counts.pop((device, text), 0)
        least = account.taken if account.qos else account.sent if undisturbed and schedule.is_planned else 0
        where = f"function {heard.number}: {device} {text} (QoS {account.qos})"
        if got > account.sent:
            verdict.doubled += 1
            verdict.words.append(f"{where} was sent {account.sent} times and applied {got} times")
        if got < least:
            missing = least - got
            if heard.witness is not None and heard.witness.has[device, text] < account.taken:
                verdict.lost_by_broker += missing
            else:
                verdict.lost += missing
                verdict.words.append(f"{where} was taken {least} times and applied {got} times")
    for (device, text), got in counts.items():
        verdict.doubled += got
        verdict.words.append(f"function {heard.number}: {device} {text} was applied and never sent")


def _judge_order(heard: Heard, seen: list[list[str]], verdict: Verdict) -> None:
    if heard.reconnects or heard.broker_deaths:
        return
    for device in ("plug", "meter"):
        numbers = [
            int(text)
            for name, text, _ in seen
            if name == device and heard.accounts[name, text].qos and heard.accounts[name, text].sent == 1
        ]
        if numbers != sorted(numbers):
            verdict.words.append(f"function {heard.number}: {device} was applied out of order: {numbers}")


def _judge_outputs(schedule: Schedule, heard: Heard, seen: list[list[str]], verdict: Verdict) -> None:
    function = schedule.functions[heard.number]
    keys: dict[str, int] = {}
    said: set[int] = set()
    for out in heard.ears.outs:
        if out.number > len(seen) or seen[out.number - 1][2] != out.mark or out.ballast != function.ballast:
            verdict.split_brain_outputs += 1
            verdict.words.append(f"function {heard.number} said {out}, which is not in its past")
        elif keys.setdefault(out.key, out.number) != out.number or not out.key:
            verdict.words.append(f"function {heard.number}: {out} has the key of output {keys[out.key]}")
        said.add(out.number)
    missing = [number for number in range(function.every, len(seen) + 1, function.every) if number not in said]
    for number in missing:
        before = max((out.at for out in heard.ears.outs if out.number < number), default=0.0)
        after = min((out.at for out in heard.ears.outs if out.number > number), default=float("inf"))
        if any(before - 1.0 <= death <= after for death in heard.broker_deaths):
            verdict.lost_by_broker += 1
        else:
            verdict.lost += 1
            verdict.words.append(f"function {heard.number}: its output {number} was never heard")


def _judge_pulses(heard: Heard, verdict: Verdict) -> None:
    """A process that another one has followed must not speak again; what comes a second time is no new word."""
    over: set[str] = set()
    last, known = "", set()
    for pulse in heard.ears.pulses:
        process, _ = pulse
        if pulse in known:
            continue
        known.add(pulse)
        if process in over:
            verdict.split_brain_outputs += 1
            verdict.words.append(f"function {heard.number}: process {process} spoke after {last} had followed it")
        elif process != last:
            over.add(last)
            last = process
