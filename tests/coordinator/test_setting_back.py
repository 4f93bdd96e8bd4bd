"""A function that goes back to an older checkpoint gets every message since, or it is said how many are lost."""

from __future__ import annotations

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coordinator.moves import founding, setting_back
from devices.hub.mailbox import Mailbox
from devices.mqtt.delivery import Delivery
from devices.protocol import checkpoint as blobs
from devices.protocol import limits
from devices.protocol.checkpoint import FunctionRecord, Header, Output

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
ROOT, _ = founding.first_of(
    "total", FunctionRecord(name="f", module="m", files={"m.py": ""}, digest=b"", arguments={}, settings={}), "p", KEY
)


class Hub:
    """A function that only reads, its mailbox, and the checkpoints that its hub takes of it."""

    def __init__(self) -> None:
        self.mailbox = Mailbox(ROOT.mailbox)
        self.mailbox.subscribe(1, ["t"], latest_only=False, retained=True)
        self.chain = [ROOT]
        self.sent = 0

    def hear(self, count: int) -> None:
        for _ in range(count):
            self.sent += 1
            message = Delivery(
                "t", str(self.sent).encode(), self.sent % 2, False, False, packet_id=self.sent % 2000 + 1
            )
            self.mailbox.arrive(message, at=1.0)

    def read(self, count: int) -> None:
        for _ in range(count):
            assert self.mailbox.pull()

    def checkpoint(self, **changes) -> Header:
        header = msgspec.structs.replace(
            self.chain[-1],
            checkpoint=f"c{len(self.chain)}",
            parent=self.chain[-1].checkpoint,
            mailbox=self.mailbox.snapshot(),
            consumed=self.mailbox.consumed(),
            **changes,
        )
        self.mailbox.keep(header.mailbox)
        self.chain.append(header)
        return header

    def back_to(self, number: int, **unreadable) -> setting_back.SetBack:
        chain = [unreadable.get(header.checkpoint, header) for header in self.chain[number + 1 :]]
        return setting_back.make(blobs.encode(self.chain[number], b"", KEY), chain, 3, "set back", KEY)


def waiting(header: Header) -> list[int]:
    mailbox = Mailbox(header.mailbox)
    mailbox.subscribe(1, ["t"], latest_only=False, retained=True)
    return [int(pulled.arrival.payload) for pulled in iter(mailbox.pull, None)]


@pytest.fixture
def hub() -> Hub:
    hub = Hub()
    for _ in range(3):
        hub.hear(7)
        hub.read(6)
        hub.checkpoint()
    return hub


@pytest.mark.parametrize(("number", "had"), [(0, 0), (1, 6), (2, 12)])
def test_all_that_came_since_waits_once_and_in_order_whichever_ancestor_it_is(hub, number, had):
    back = hub.back_to(number)
    assert waiting(back.header) == list(range(had + 1, 22))
    assert back.lost == 0
    assert (back.header.parent, back.header.mailbox.delivered) == (hub.chain[number].checkpoint, had)
    newest = hub.chain[-1].mailbox
    assert (back.header.mailbox.arrivals, back.header.mailbox.repeats) == (newest.arrivals, newest.repeats)
    assert blobs.decode(back.blob).header == back.header


def test_a_second_step_back_loses_nothing_either(hub):
    first = hub.back_to(2)
    blob = blobs.encode(hub.chain[1], b"", KEY)
    second = setting_back.make(blob, [hub.chain[2], first.header], 4, "set back", KEY)
    assert (waiting(second.header), second.lost) == (list(range(7, 22)), 0)


def test_what_a_function_that_begins_anew_asked_for_later_waits_until_it_asks():
    hub = Hub()
    hub.hear(3)
    hub.read(3)
    hub.checkpoint()
    back = hub.back_to(0)
    assert Mailbox(back.header.mailbox).pull() is None
    assert waiting(back.header) == [1, 2, 3]


def test_what_nobody_carries_is_counted_as_lost(hub):
    assert hub.back_to(0, c2=None).lost == 7  # what it had consumed, and what it held for the next one
    assert hub.back_to(0, c3=None).lost == 1  # at least: nobody knows what it had
    before = {"c3": msgspec.structs.replace(hub.chain[3], consumed=None)}  # an older version made it
    back = hub.back_to(1, **before)
    assert back.lost == 4
    assert waiting(back.header) == [*range(7, 15), 19, 20, 21]


def test_a_checkpoint_carries_no_more_than_the_limits_and_says_what_it_left_out():
    hub = Hub()
    hub.hear(limits.CONSUMED_MESSAGES + 5)
    hub.read(limits.CONSUMED_MESSAGES + 5)
    consumed = hub.checkpoint().consumed
    assert (len(consumed.arrivals), consumed.left_out, consumed.arrivals[0].payload) == (1000, 5, b"6")
    assert hub.back_to(0).lost == 5
    large = Delivery("t", bytes(limits.CONSUMED_BYTES // 2), 0, False, False, packet_id=0)
    for _ in range(3):
        hub.mailbox.arrive(large, at=1.0)
    hub.read(3)
    consumed = hub.checkpoint().consumed
    assert (len(consumed.arrivals), consumed.left_out) == (2, 1)


def test_outputs_that_have_left_do_not_leave_again():
    def output(sequence: int) -> Output:
        return Output(sequence=sequence, topic="o", payload=b"", qos=1, retain=False, epoch=1)

    hub = Hub()
    hub.checkpoint(outputs=[output(1), output(2)], sequence=2)
    hub.checkpoint(outputs=[output(2), output(4)], sequence=5)
    back = hub.back_to(1)
    assert ([it.sequence for it in back.header.outputs], back.header.sequence) == ([2], 2)
    assert back.published == 1
