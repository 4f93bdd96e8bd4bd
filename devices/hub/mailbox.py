"""An instance's inputs, from the broker's delivery to the function's hand; pure logic, without socket, file or clock.

Why it is as it is. Three parties count the same messages and forget at different times: the broker until the PUBACK,
the function until its newest durable checkpoint, this process until it dies. So each arrival gets a number here, and
all questions become comparisons of numbers (`docs/protocol.md`, section 3):

- a checkpoint's *cut* is the number of the newest arrival. Everything up to it is either consumed by the state that was
  read, or stands unread in the record; so everything up to it may be acknowledged once the checkpoint is durable, and
  nothing behind it (rule 9). Acknowledging is a walk over a queue in arrival order, never a search.
- arrivals behind the newest kept checkpoint are remembered although the function has had them. If its process dies, the
  record is taken up again and they come once more, in order: the broker sends only QoS 1 again, and only after a
  reconnect.
- a repeat is known by packet id and digest, and only if the broker says DUP (rule 11). Its acknowledgement waits for the
  same number as the first arrival's did.

Tried and given up: acknowledging what was consumed one by one (a checkpoint's record then has to say which, and the
embedded broker cuts clients that leave gaps); asking the broker for the position of the queue (MQTT has none); keeping
the unread of each subscription apart (the order over all subscriptions, which `ctx.next` promises, is then lost).

Overlapping filters: brokers send a copy for each, marked with the subscription's identifier, which is computed from the
filter so that it means the same on the next hub. A copy belongs to those subscriptions of the function whose *first*
matching filter it came for.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from devices.hub.acknowledgements import Acknowledgements
from devices.hub.behind import Behind, Incoming, Saved
from devices.hub.interest import Interest
from devices.hub.repeats import Repeats, digest_of
from devices.mqtt.delivery import Delivery
from devices.protocol import limits
from devices.protocol.checkpoint import Arrival, ConsumedRecord, MailboxRecord, SubscriptionRecord
from devices.protocol.topics import matches, wire_filter

QUOTA_MESSAGES: Final = 10_000
"""Unread messages beyond which QoS 0 is dropped, counted, and the socket is no longer read (rule 12): a day of a sensor
that speaks each ten seconds, for a suspended function."""
QUOTA_BYTES: Final = 16 * limits.MIB
"""The same in bytes of payload; a checkpoint carries them all."""
_LARGEST_IDENTIFIER: Final = 268_435_455  # MQTT 5.0, 3.8.2.1.2


def identifier_of(broker_filter: str) -> int:
    """Returns the subscription identifier (MQTT 5.0, 3.8.2.1.2) of a filter, the same on every hub."""
    return zlib.crc32(broker_filter.encode()) % _LARGEST_IDENTIFIER + 1


class Pulled(NamedTuple):
    """A message on its way to the function: the count of deliveries, the message, and for which subscription."""

    delivered: int
    arrival: Arrival
    subscription: int


@dataclass(slots=True)
class _Unread:
    arrival: Arrival
    wanted_by: set[int]


class Mailbox:
    """The inputs of one instance.

    Args:
        record: where the checkpoint that it goes on from stood. That checkpoint is durable.
        window: QoS 1 messages that the broker sends unacknowledged, at most.
    """

    def __init__(self, record: MailboxRecord, window: int = limits.RECEIVE_MAXIMUM) -> None:
        self._acknowledgements = Acknowledgements(record.arrivals)
        self._repeats = Repeats(record.repeats, window)
        self._behind = Behind()
        self._late: list[tuple[Delivery, float]] | None = None
        self._waiting_for_late: list[tuple[Delivery, float]] | None = None
        self._take_up(record)

    def _take_up(self, record: MailboxRecord) -> None:
        self.arrivals = record.arrivals
        self.delivered = record.delivered
        self.dropped = record.dropped
        self.input_qos = record.input_qos
        self.unread_bytes = 0
        self._unread: dict[int, _Unread] = {}
        self._subscriptions = {
            it.number: Interest(it.number, it.filters, it.latest_only, it.retained, it.newest, restored=True)
            for it in record.subscriptions
        }
        self._unclaimed: deque[Incoming] = deque()
        self._closed: set[str] = set()
        for arrival in record.unread:
            wanted_by = {number for number in arrival.subscriptions if number in self._subscriptions}
            if wanted_by:
                self._put(arrival, wanted_by)
            else:
                self._unclaimed.append(Incoming(arrival))

    # Subscriptions ------------------------------------------------------------------------------------------------

    def subscribe(self, number: int, filters: Iterable[str], *, latest_only: bool, retained: bool) -> bool:
        """Opens a subscription; returns whether it is new.

        A function that was captured while it asked asks again, with the same number: then nothing changes. A function
        that was set back to a state before it asked gets what has come since it first did.

        Raises:
            UsageError: one of the filters is none.
        """
        written = list(filters)
        for each in written:
            wire_filter(each)
        if number in self._subscriptions:
            return False
        self._subscriptions[number] = Interest(number, written, latest_only, retained)
        offered, self._unclaimed = self._unclaimed, deque()
        for incoming in offered:
            self._route(incoming)
        return True

    def unsubscribe(self, number: int) -> None:
        """Closes a subscription; its unread messages go with it."""
        closed = self._subscriptions.pop(number, None)
        if closed is None:
            return
        self._closed.update(closed.filters)
        for unread in closed.queue:
            self._no_longer_wanted(unread, {number})

    @property
    def subscriptions(self) -> dict[int, list[str]]:
        """The open ones: filters as they were written, by number."""
        return {number: list(it.filters) for number, it in self._subscriptions.items()}

    @property
    def broker_filters(self) -> list[str]:
        """What must be subscribed at the broker."""
        return list(dict.fromkeys(wire_filter(f) for it in self._subscriptions.values() for f in it.filters))

    def newest(self, number: int) -> Arrival | None:
        """Returns the newest message that a subscription has heard, read or not; ``None`` before the first."""
        subscription = self._subscriptions.get(number)
        return subscription.newest if subscription else None

    # Arrivals -----------------------------------------------------------------------------------------------------

    def arrive(self, delivery: Delivery, at: float) -> bool:
        """Takes a delivery in; returns whether the function may have something new to read.

        Args:
            delivery: what the session handed over, each exactly once and in its order.
            at: seconds since the epoch.
        """
        if delivery.qos:
            digest = digest_of(delivery)
            known = self._repeats.number_of(delivery, digest)
            number = self.arrivals + 1 if known is None else known
            self._acknowledgements.add(number, delivery)
            self._repeats.remember(delivery, digest, number, len(self._acknowledgements))
            if known is not None:
                return False
        elif self._waiting_for_late is not None:
            self._waiting_for_late.append((delivery, at))
            return False
        else:
            digest = digest_of(delivery) if delivery.retain else b""
            if self._late is not None:
                self._late.append((delivery, at))
        self.arrivals += 1
        arrival = Arrival(
            number=self.arrivals,
            topic=delivery.topic,
            payload=delivery.payload,
            qos=delivery.qos,
            retain=delivery.retain,
            at=at,
            subscriptions=[],
        )
        self.input_qos = delivery.qos if self.input_qos is None else min(self.input_qos, delivery.qos)
        incoming = Incoming(arrival, delivery.subscription_ids, digest, packet=delivery.packet_id)
        self._behind.add(incoming)
        return self._route(incoming)

    def _route(self, incoming: Incoming) -> bool:
        incoming.takers = self._takers(incoming)
        if not incoming.takers:
            self._keep_unclaimed(incoming)
            return False
        if incoming.arrival.qos and not incoming.arrival.retain:
            for number in incoming.takers:
                self._subscriptions[number].heard_live.append(incoming.digest)
        return self._hand_to(incoming.takers, incoming.arrival)

    def _hand_to(self, takers: list[int], arrival: Arrival) -> bool:
        for number in takers:
            subscription = self._subscriptions[number]
            subscription.newest = _with(arrival, [number])
            if arrival.retain:
                subscription.kept_heard.add(arrival.topic)
            if subscription.latest_only:
                self._supersede(subscription, arrival.topic)
        if not arrival.qos and self.crowded:
            self.dropped += 1
            return False
        self._put(arrival, set(takers))
        return True

    def _keep_unclaimed(self, incoming: Incoming) -> None:
        """Keeps what comes for a filter that the function has neither open nor closed: an earlier copy of it asked."""
        topic = incoming.arrival.topic
        open_ones = (each for it in self._subscriptions.values() for each in it.filters)
        if any(matches(each, topic) for each in (*self._closed, *open_ones)):
            return
        if len(self._unclaimed) >= limits.MAILBOX_MESSAGES:
            self._unclaimed.popleft()
            self.dropped += 1
        self._unclaimed.append(incoming)

    def _takers(self, incoming: Incoming) -> list[int]:
        arrival = incoming.arrival
        wanted = [(it, first) for it in self._subscriptions.values() if (first := it.first_filter(arrival.topic))]
        marked = {first for _, first in wanted if identifier_of(wire_filter(first)) in incoming.identifiers}
        return [
            it.number
            for it, first in wanted
            if (first in marked or not incoming.identifiers)
            and not (arrival.retain and it.has_had_kept(incoming, self._repeats))
        ]

    def _supersede(self, subscription: Interest, topic: str) -> None:
        left: deque[int] = deque()
        for number in subscription.queue:
            unread = self._unread.get(number)
            if unread is None or subscription.number not in unread.wanted_by:
                continue
            if unread.arrival.topic == topic:
                self.dropped += self._no_longer_wanted(number, {subscription.number})
            else:
                left.append(number)
        subscription.queue = left

    def _put(self, arrival: Arrival, takers: set[int]) -> None:
        self._unread[arrival.number] = _Unread(arrival, takers)
        self.unread_bytes += len(arrival.payload)
        for number in takers:
            self._subscriptions[number].queue.append(arrival.number)

    def _no_longer_wanted(self, number: int, by: set[int]) -> bool:
        """Takes subscriptions off an unread arrival; returns whether it is gone with that."""
        unread = self._unread.get(number)
        if unread is None:
            return False
        unread.wanted_by -= by
        if unread.wanted_by:
            return False
        del self._unread[number]
        self.unread_bytes -= len(unread.arrival.payload)
        return True

    # To the function ----------------------------------------------------------------------------------------------

    def pull(self, subscriptions: Iterable[int] = ()) -> Pulled | None:
        """Hands out the oldest unread message of some subscriptions; of all, if none are named.

        A message that several of them want is handed out once.
        """
        asking = set(subscriptions) or set(self._subscriptions)
        heads = [(head, number) for number in asking if (head := self._head(number)) is not None]
        if not heads:
            return None
        oldest, subscription = min(heads)
        arrival = self._unread[oldest].arrival
        self._no_longer_wanted(oldest, asking)
        self.delivered += 1
        return Pulled(self.delivered, arrival, subscription)

    def _head(self, number: int) -> int | None:
        subscription = self._subscriptions.get(number)
        queue = subscription.queue if subscription else None
        while queue:
            unread = self._unread.get(queue[0])
            if unread is not None and number in unread.wanted_by:
                return queue[0]
            queue.popleft()
        return None

    @property
    def unread(self) -> int:
        """Messages that wait for the function."""
        return len(self._unread)

    @property
    def crowded(self) -> bool:
        """Whether the quota is used up: the socket is not to be read until the function has caught up."""
        return len(self._unread) >= QUOTA_MESSAGES or self.unread_bytes >= QUOTA_BYTES

    # The cut ------------------------------------------------------------------------------------------------------

    def snapshot(self) -> MailboxRecord:
        """Returns the input side of a checkpoint whose state was read after `delivered` messages."""
        unread = [_with(it.arrival, sorted(it.wanted_by)) for it in self._unread.values()]
        unread += [incoming.arrival for incoming in self._unclaimed]
        return MailboxRecord(
            subscriptions=[
                SubscriptionRecord(
                    number=it.number,
                    filters=list(it.filters),
                    latest_only=it.latest_only,
                    retained=it.retained,
                    newest=it.newest,
                )
                for it in self._subscriptions.values()
            ],
            unread=sorted(unread, key=lambda arrival: arrival.number),
            repeats=self._repeats.records(),
            arrivals=self.arrivals,
            delivered=self.delivered,
            dropped=self.dropped,
            input_qos=self.input_qos,
        )

    def consumed(self) -> ConsumedRecord:
        """Returns what the function has had since the newest kept checkpoint, for a fallback to that one (rule 18)."""
        return self._behind.consumed(self._unread)

    def put_back(self, arrivals: Iterable[Arrival]) -> None:
        """Has what a newer state had consumed wait again, for the subscriptions of then that are open.

        Args:
            arrivals: in order, as `consumed` and `snapshot` give them; all behind the record that this one began with.
        """
        for arrival in arrivals:
            bare = _with(arrival, [])
            takers = [number for number in arrival.subscriptions if number in self._subscriptions]
            if takers:
                self._hand_to(takers, bare)
            else:
                self._unclaimed.append(Incoming(bare))

    def unsaved(self, number: int) -> list[Saved]:
        """Returns what came behind an arrival and neither the newest kept checkpoint nor a file has."""
        unclaimed = {it.arrival.number for it in self._unclaimed}
        return [
            Saved(arrival=_with(it.arrival, it.takers), packet=it.packet, digest=it.digest)
            for it in self._behind
            if it.arrival.number > number and (it.takers or it.arrival.number in unclaimed)
        ]

    def take_saved(self, kept: Iterable[Saved]) -> None:
        """Takes in what came behind the record that this began with and was kept in a file; `cover_up_to` is to follow."""
        for saved in kept:
            arrival = saved.arrival
            self._behind.add(Incoming(_with(arrival, []), (), saved.digest, arrival.subscriptions, saved.packet))
            if arrival.qos:
                self._repeats.know(saved.packet, saved.digest, arrival.number)
            self.put_back([arrival])
            self.arrivals = arrival.number

    def keep(self, record: MailboxRecord) -> None:
        """Says that `roll_back` will go to no older record than this one."""
        self._behind.forget_up_to(record.arrivals)

    def keep_within_limits(self, record: MailboxRecord) -> None:
        """Says that `roll_back` will go to no older record than this one, while the next checkpoint has an older parent."""
        self._behind.trim(record.arrivals)

    def roll_back(self, record: MailboxRecord) -> None:
        """Takes up a kept record again; what arrived behind it waits for the function once more, in order."""
        newest, covered_qos = self.arrivals, self.input_qos
        self._take_up(record)
        for incoming in self._behind:
            if incoming.arrival.number <= record.arrivals:
                continue
            if incoming.identifiers or not incoming.takers:
                self._route(incoming)
            else:
                self.put_back([_with(incoming.arrival, incoming.takers)])
        self.arrivals, self.input_qos = newest, covered_qos

    def cover(self, record: MailboxRecord) -> None:
        """Says that a checkpoint with this record is durable."""
        self.cover_up_to(record.arrivals)

    def cover_up_to(self, number: int) -> None:
        """Says that everything up to an arrival is kept where a crash does not reach."""
        self._acknowledgements.cover(number)

    def acknowledge(self, *, all_covered: bool = False) -> list[Delivery]:
        """Returns the deliveries that may be acknowledged now, in arrival order, and counts them as acknowledged.

        Args:
            all_covered: also unread ones beyond the bounds of `limits.MAILBOX_MESSAGES` and `limits.MAILBOX_BYTES`:
                before the session is handed over.
        """
        if not self._acknowledgements.any_covered:
            return []  # the bounds cost a look at all that is unread
        last = None if all_covered else self._last_within_bounds()
        return self._acknowledgements.take(last, self._unread)

    def _last_within_bounds(self) -> int | None:
        """Returns the number of the last unread arrival within the bounds; ``None`` if all are."""
        if len(self._unread) <= limits.MAILBOX_MESSAGES and self.unread_bytes <= limits.MAILBOX_BYTES:
            return None
        room, last = limits.MAILBOX_BYTES, 0
        for count, number in enumerate(sorted(self._unread)):
            room -= len(self._unread[number].arrival.payload)
            if count >= limits.MAILBOX_MESSAGES or room < 0:
                break
            last = number
        return last

    @property
    def uncovered(self) -> int:
        """QoS 1 arrivals that only a further checkpoint allows to acknowledge."""
        return self._acknowledgements.uncovered

    @property
    def checkpoint_due(self) -> bool:
        """Whether half of what the broker sends unacknowledged waits for a checkpoint (rule 10)."""
        half = self._repeats.window / 2
        return len(self._acknowledgements) >= half and self.uncovered >= half

    # The session --------------------------------------------------------------------------------------------------

    def limit_window(self, window: int) -> None:
        """Says how many QoS 1 messages this broker sends unacknowledged."""
        self._repeats.window = window

    def connection_ended(self) -> None:
        """Forgets what was to be acknowledged on a connection that is over: the broker sends it again."""
        self._acknowledgements.clear()

    def session_lost(self) -> None:
        """Forgets all repeats: a broker that lost the session gives packet ids anew (rule 11)."""
        self._acknowledgements.clear()
        self._repeats.forget()

    # Late mail ----------------------------------------------------------------------------------------------------

    def begin_late(self) -> None:
        """From here on QoS 0 arrivals are also kept for the next hub: the broker will not send them again (rule 13)."""
        self._late = []

    def end_late(self) -> list[tuple[Delivery, float]]:
        """Returns what came at QoS 0 since `begin_late`, in order, with the moments at which it did."""
        late, self._late = self._late or [], None
        return late

    def wait_for_late(self) -> None:
        """Holds QoS 0 back until the source's late mail is in: it is older."""
        self._waiting_for_late = []

    @property
    def waits_for_late(self) -> bool:
        """Whether `late_complete` is still to come."""
        return self._waiting_for_late is not None

    def late_complete(self, late: Iterable[tuple[Delivery, float]]) -> bool:
        """Takes in the source's late mail and then what was held back; returns whether there is something to read."""
        held, self._waiting_for_late = self._waiting_for_late or [], None
        unread = self.unread
        for delivery, at in (*late, *held):
            self.arrive(delivery, at)
        return self.unread > unread


def _with(arrival: Arrival, subscriptions: list[int]) -> Arrival:
    return msgspec.structs.replace(arrival, subscriptions=subscriptions)
