"""A mailbox between a broker that forgets acknowledgements, a function that dies, and a hub that dies, as a model.

The oracle is the function's own list: whatever happens in whatever order, each QoS 1 message is in it once and in order,
and each QoS 0 message at most once; exactly once if only planned things happened.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from devices.hub.mailbox import Mailbox
from devices.mqtt.delivery import Delivery
from devices.protocol.checkpoint import MailboxRecord

WINDOW = 6
EMPTY = MailboxRecord(subscriptions=[], unread=[], repeats=[], arrivals=0, delivered=0, dropped=0)


class MailboxModel(RuleBasedStateMachine):
    @initialize()
    def start(self):
        self.mailbox = Mailbox(EMPTY, WINDOW)
        self.mailbox.subscribe(1, ["t"], latest_only=False, retained=True)
        self.applied: list[int] = []
        self.sent = {0: 0, 1: 0}
        self.queued: list[Delivery] = []  # at the broker
        self.in_flight: list[Delivery] = []  # sent to the hub, not acknowledged
        self.recently_acknowledged: list[Delivery] = []
        self.packet = 0
        self.hub_died = False
        first = (self.mailbox.snapshot(), [])
        self.kept, self.durable = first, first
        self.cuts: list[tuple[MailboxRecord, list[int]]] = []

    # The broker -----------------------------------------------------------------------------------------------------

    @rule(qos=st.sampled_from([0, 1]))
    def publish(self, qos: int):
        self.sent[qos] += 1
        number = self.sent[qos] * 2 + qos  # QoS 1 is odd
        message = Delivery("t", str(number).encode(), qos, retain=False, duplicate=False, packet_id=0)
        if qos:
            self.queued.append(message)
            self.send()
        else:
            self.mailbox.arrive(message, 0.0)

    def send(self):
        while self.queued and len(self.in_flight) < WINDOW:
            self.packet = self.packet % (6 * WINDOW) + 1
            message = replace(self.queued.pop(0), packet_id=self.packet)
            self.in_flight.append(message)
            self.mailbox.arrive(message, 0.0)

    def acknowledge(self, **how):
        for done in self.mailbox.acknowledge(**how):
            assert done.packet_id == self.in_flight[0].packet_id, "out of order"
            self.recently_acknowledged.append(self.in_flight.pop(0))
        del self.recently_acknowledged[:-WINDOW]
        self.send()

    def redeliver(self):
        self.in_flight = [replace(message, duplicate=True) for message in self.in_flight]
        for message in self.in_flight:
            self.mailbox.arrive(message, 0.0)
        self.send()

    @rule()
    def lose_the_connection(self):
        self.mailbox.connection_ended()
        self.redeliver()

    @precondition(lambda self: self.recently_acknowledged)
    @rule(data=st.data())
    def kill_the_broker(self, data: st.DataObject):
        forgotten = data.draw(st.integers(1, len(self.recently_acknowledged)))
        self.in_flight = self.recently_acknowledged[-forgotten:] + self.in_flight
        self.recently_acknowledged.clear()
        self.mailbox.connection_ended()
        self.redeliver()

    # The function ---------------------------------------------------------------------------------------------------

    @rule(count=st.integers(1, 4))
    def read(self, count: int):
        for _ in range(count):
            pulled = self.mailbox.pull()
            if pulled is None:
                return
            self.applied.append(int(pulled.arrival.payload))
            assert pulled.delivered == len(self.applied)
            self.acknowledge()

    @rule()
    def cut(self):
        self.kept = (self.mailbox.snapshot(), list(self.applied))
        self.mailbox.keep(self.kept[0])
        self.cuts.append(self.kept)

    @precondition(lambda self: self.cuts)
    @rule()
    def make_durable(self):
        self.durable = self.cuts.pop(0)
        self.mailbox.cover(self.durable[0])
        self.acknowledge()

    @rule()
    def kill_the_worker(self):
        self.mailbox.roll_back(self.kept[0])
        self.applied = list(self.kept[1])

    @rule()
    def kill_the_hub(self):
        self.hub_died = True
        self.mailbox = Mailbox(self.durable[0], WINDOW)
        self.applied = list(self.durable[1])
        self.kept, self.cuts = self.durable, []
        self.redeliver()

    @rule(late=st.integers(0, 3), both=st.booleans())
    def move(self, late: int, both: bool):
        self.cut()
        self.mailbox.begin_late()
        for number in range(late):
            self.publish(number % 2 if both else 0)
        while self.cuts:
            self.durable = self.cuts.pop(0)
        source = self.mailbox
        source.cover(self.durable[0])
        self.acknowledge(all_covered=True)
        late_mail = source.end_late()
        self.mailbox = Mailbox(self.durable[0], WINDOW)
        self.mailbox.wait_for_late()
        self.publish(0)  # overtakes the late mail
        self.redeliver()
        self.mailbox.late_complete(late_mail)

    # What must hold -------------------------------------------------------------------------------------------------

    @invariant()
    def nothing_is_doubled_and_the_order_kept(self):
        for qos in (0, 1):
            seen = [number for number in self.applied if number % 2 == qos]
            assert seen == sorted(set(seen))

    def teardown(self):
        if not hasattr(self, "mailbox"):
            return
        for _ in range(sum(self.sent.values()) + 1):
            self.read(4)
            self.cut()
            while self.cuts:
                self.make_durable()
        assert not self.queued
        assert not self.in_flight
        assert [n for n in self.applied if n % 2] == [2 * n + 1 for n in range(1, self.sent[1] + 1)]
        if not self.hub_died:
            assert [n for n in self.applied if n % 2 == 0] == [2 * n for n in range(1, self.sent[0] + 1)]


MailboxModel.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestMailbox = MailboxModel.TestCase
