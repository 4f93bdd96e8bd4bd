"""What arrives reaches the function once and in order, and is acknowledged when a checkpoint covers it."""

from __future__ import annotations

import itertools

import pytest

from devices.errors import UsageError
from devices.hub.mailbox import QUOTA_MESSAGES, Mailbox, identifier_of
from devices.hub.repeats import digest_of
from devices.mqtt.delivery import Delivery
from devices.protocol import limits
from devices.protocol.checkpoint import MailboxRecord

EMPTY = MailboxRecord(subscriptions=[], unread=[], repeats=[], arrivals=0, delivered=0, dropped=0)


def delivery(payload: str, topic: str = "t", *, packet: int = 0, **rest) -> Delivery:
    fields = {"qos": int(packet > 0), "retain": False, "duplicate": False} | rest
    return Delivery(topic=topic, payload=payload.encode(), packet_id=packet, **fields)


def open_mailbox(*filters: str, record: MailboxRecord = EMPTY, window: int = 20, **rest) -> Mailbox:
    mailbox = Mailbox(record, window)
    wishes = {"latest_only": False, "retained": True} | rest
    for number, each in enumerate(filters, start=1):
        mailbox.subscribe(number, [each], **wishes)
    return mailbox


def arrive(mailbox: Mailbox, *payloads: str, topic: str = "t", packets: itertools.count | None = None, **rest) -> None:
    for payload in payloads:
        mailbox.arrive(delivery(payload, topic, packet=next(packets) if packets else 0, **rest), at=1.0)


def read(mailbox: Mailbox, *subscriptions: int) -> list[str]:
    pulled = iter(lambda: mailbox.pull(subscriptions), None)
    return [it.arrival.payload.decode() for it in pulled]


# Order and subscriptions ------------------------------------------------------------------------------------------------


def test_messages_come_in_order_over_all_subscriptions():
    mailbox = open_mailbox("a", "b")
    for number, topic in enumerate("abba"):
        arrive(mailbox, str(number), topic=topic)
    assert read(mailbox) == ["0", "1", "2", "3"]


def test_a_subscription_reads_its_own_and_leaves_the_rest():
    mailbox = open_mailbox("a", "b")
    for number, topic in enumerate("abba"):
        arrive(mailbox, str(number), topic=topic)
    assert read(mailbox, 2) == ["1", "2"]
    assert read(mailbox) == ["0", "3"]


def test_a_message_that_two_subscriptions_want_comes_once_to_whoever_asks_for_all():
    mailbox = open_mailbox("a/#", "a/+")
    arrive(mailbox, "x", topic="a/b")
    assert read(mailbox) == ["x"]
    arrive(mailbox, "y", topic="a/b")
    assert (read(mailbox, 1), read(mailbox, 2), read(mailbox)) == (["y"], ["y"], [])


def test_copies_for_overlapping_filters_reach_each_subscription_once():
    mailbox = Mailbox(EMPTY)
    mailbox.subscribe(1, ["a/#", "a/+"], latest_only=False, retained=True)
    mailbox.subscribe(2, ["a/+"], latest_only=False, retained=True)
    for broker_filter in ("a/#", "a/+"):
        arrive(mailbox, "x", topic="a/b", subscription_ids=(identifier_of(broker_filter),))
    assert (read(mailbox, 1), read(mailbox, 2)) == (["x"], ["x"])


def test_named_segments_are_single_level_wildcards():
    mailbox = open_mailbox("home/{room}/temperature")
    assert mailbox.broker_filters == ["home/+/temperature"]
    arrive(mailbox, "20", topic="home/kitchen/temperature")
    assert read(mailbox) == ["20"]


def test_latest_keeps_one_unread_message_for_each_topic_and_counts_the_rest():
    mailbox = open_mailbox("+", latest_only=True)
    for topic, payload in [("a", "1"), ("b", "2"), ("a", "3"), ("a", "4")]:
        arrive(mailbox, payload, topic=topic)
    assert mailbox.dropped == 2
    assert read(mailbox) == ["2", "4"]


def test_a_gauge_that_is_only_looked_at_takes_no_memory():
    mailbox = open_mailbox("a", latest_only=True)
    arrive(mailbox, *map(str, range(1000)), topic="a")
    assert mailbox.unread == 1
    newest = mailbox.newest(1)
    assert newest is not None
    assert newest.payload == b"999"


def test_the_end_of_a_subscription_takes_its_unread_messages_along():
    mailbox = open_mailbox("a", "+")
    arrive(mailbox, "1", topic="a")
    arrive(mailbox, "2", topic="b")
    mailbox.unsubscribe(2)
    assert read(mailbox) == ["1"]
    arrive(mailbox, "3", topic="b")
    assert mailbox.subscribe(3, ["b"], latest_only=False, retained=True)
    assert read(mailbox) == []


def test_a_subscription_that_is_asked_for_again_stays_as_it_is():
    mailbox = open_mailbox("a")
    arrive(mailbox, "1", topic="a")
    assert not mailbox.subscribe(1, ["a"], latest_only=False, retained=True)
    assert read(mailbox) == ["1"]


def test_a_filter_that_is_none_is_refused():
    with pytest.raises(UsageError, match="no MQTT topic filter"):
        open_mailbox("a/#/b")


# Retained ---------------------------------------------------------------------------------------------------------------


def test_a_retained_message_comes_once_for_a_subscription():
    mailbox = open_mailbox("a")
    arrive(mailbox, "kept", "kept", topic="a", retain=True)
    assert read(mailbox) == ["kept"]
    mailbox.subscribe(2, ["a"], latest_only=False, retained=True)
    arrive(mailbox, "kept", topic="a", retain=True)
    assert (read(mailbox, 1), read(mailbox, 2)) == ([], ["kept"])


def test_a_subscription_from_here_on_gets_no_retained_message():
    mailbox = open_mailbox("a", retained=False)
    arrive(mailbox, "kept", topic="a", retain=True)
    arrive(mailbox, "live", topic="a")
    assert read(mailbox) == ["live"]


@pytest.mark.parametrize("packet", [0, 7])
def test_a_retained_message_does_not_come_again_after_a_move(packet: int):
    source = open_mailbox("a")
    source.arrive(delivery("kept", "a", packet=packet, retain=True), at=1.0)
    assert read(source) == ["kept"]
    destination = Mailbox(source.snapshot())
    destination.arrive(delivery("kept", "a", packet=packet and 1, retain=True), at=2.0)
    assert read(destination) == []


def test_a_kept_message_that_a_subscription_had_live_does_not_come_again_when_a_dead_copy_had_subscribed_before():
    mailbox = Mailbox(
        EMPTY
    )  # set back to before its subscription, which the broker has; it asks again, behind the queue
    arrive(mailbox, "live", "later", topic="a", packets=itertools.count(1), duplicate=True)
    mailbox.subscribe(1, ["a"], latest_only=False, retained=True)
    arrive(mailbox, "live", topic="a", packets=itertools.count(3), retain=True)
    assert read(mailbox) == ["live", "later"]
    mailbox.subscribe(2, ["a"], latest_only=False, retained=True)
    arrive(mailbox, "live", topic="a", packets=itertools.count(4), retain=True)
    assert read(mailbox, 2) == ["live"]


def test_a_retained_message_that_was_still_on_its_way_at_a_move_comes_after_it():
    source = open_mailbox("+")
    arrive(source, "1", topic="a", retain=True)
    destination = Mailbox(source.snapshot())
    arrive(destination, "2", topic="b", retain=True)
    assert read(destination) == ["1", "2"]


# Acknowledging ----------------------------------------------------------------------------------------------------------


def acknowledged(mailbox: Mailbox, **rest) -> list[int]:
    return [it.packet_id for it in mailbox.acknowledge(**rest)]


def test_nothing_is_acknowledged_before_a_checkpoint_covers_it():
    mailbox, packets = open_mailbox("t"), itertools.count(1)
    arrive(mailbox, "1", "2", packets=packets)
    read(mailbox)
    assert acknowledged(mailbox) == []
    record = mailbox.snapshot()
    arrive(mailbox, "3", packets=packets)
    mailbox.cover(record)
    assert acknowledged(mailbox) == [1, 2]
    assert acknowledged(mailbox) == []


def test_unread_messages_are_acknowledged_only_within_the_bounds_until_they_are_read():
    many = limits.MAILBOX_MESSAGES + 5
    mailbox = open_mailbox("t", window=many)
    arrive(mailbox, *map(str, range(many)), packets=itertools.count(1))
    mailbox.cover(mailbox.snapshot())
    assert acknowledged(mailbox) == list(range(1, limits.MAILBOX_MESSAGES + 1))
    mailbox.pull()
    assert acknowledged(mailbox) == [limits.MAILBOX_MESSAGES + 1]
    assert len(acknowledged(mailbox, all_covered=True)) == 4


def test_a_large_unread_message_beyond_the_bounds_in_bytes_stays_with_the_broker():
    mailbox = open_mailbox("t")
    big = "x" * (limits.MAILBOX_BYTES // 2)
    arrive(mailbox, big, big, "small", packets=itertools.count(1))
    mailbox.cover(mailbox.snapshot())
    assert acknowledged(mailbox) == [1, 2]


def test_a_checkpoint_is_due_when_half_the_window_waits_for_one():
    mailbox, packets = open_mailbox("t", window=10), itertools.count(1)
    arrive(mailbox, *"1234", packets=packets)
    assert not mailbox.checkpoint_due
    arrive(mailbox, "5", packets=packets)
    assert mailbox.checkpoint_due
    mailbox.cover(mailbox.snapshot())
    assert not mailbox.checkpoint_due


# Repeats ----------------------------------------------------------------------------------------------------------------


def test_a_repeat_needs_the_flag_the_packet_id_and_the_digest():
    mailbox = open_mailbox("t")
    for packet, payload, duplicate in [
        (1, "a", False),
        (1, "a", False),
        (1, "b", True),
        (2, "a", True),
        (1, "a", True),
    ]:
        mailbox.arrive(delivery(payload, packet=packet, duplicate=duplicate), at=1.0)
    assert read(mailbox) == ["a", "a", "b", "a"]


def test_a_repeat_is_acknowledged_when_the_first_arrival_is_covered():
    mailbox = open_mailbox("t")
    arrive(mailbox, "1", packets=itertools.count(1))
    mailbox.connection_ended()
    arrive(mailbox, "1", packets=itertools.count(1), duplicate=True)
    assert acknowledged(mailbox) == []
    mailbox.cover(mailbox.snapshot())
    assert acknowledged(mailbox) == [1]


def test_a_repeat_of_what_the_restored_checkpoint_covers_is_acknowledged_at_once():
    source = open_mailbox("t")
    arrive(source, "1", packets=itertools.count(1))
    destination = Mailbox(source.snapshot())
    arrive(destination, "1", packets=itertools.count(1), duplicate=True)
    assert acknowledged(destination) == [1]
    assert read(destination) == ["1"]


def test_four_windows_of_repeats_are_remembered_and_no_more():
    mailbox, packets = open_mailbox("t", window=5), itertools.count(1)
    for number in range(100):
        arrive(mailbox, str(number), packets=packets)
        mailbox.cover(mailbox.snapshot())
        mailbox.acknowledge()
    record = mailbox.snapshot()
    assert [it.packet for it in record.repeats] == list(range(76, 101))


def test_a_lost_session_forgets_all_repeats():
    mailbox = open_mailbox("t")
    arrive(mailbox, "1", packets=itertools.count(1))
    mailbox.session_lost()
    assert mailbox.snapshot().repeats == []
    arrive(mailbox, "1", packets=itertools.count(1), duplicate=True)
    assert read(mailbox) == ["1", "1"]


def test_the_digest_ignores_what_the_broker_changes():
    one = delivery("x", user_properties=(("a", "b"),))
    later = delivery("x", user_properties=(("a", "b"),), expiry=3, subscription_ids=(4,), duplicate=True)
    assert digest_of(one) == digest_of(later)
    assert digest_of(one) != digest_of(delivery("x"))


# Back to an earlier state -----------------------------------------------------------------------------------------------


def test_a_function_that_is_set_back_gets_what_it_had_read_since_once_more():
    mailbox = open_mailbox("t")
    arrive(mailbox, "1", "2")
    mailbox.pull()
    record = mailbox.snapshot()
    mailbox.keep(record)
    arrive(mailbox, "3")
    assert read(mailbox) == ["2", "3"]
    arrive(mailbox, "4")
    mailbox.roll_back(record)
    assert (mailbox.delivered, mailbox.arrivals) == (1, 4)
    assert read(mailbox) == ["2", "3", "4"]


def test_a_subscription_that_is_opened_again_gets_what_came_since_it_first_was():
    mailbox = Mailbox(EMPTY)
    record = mailbox.snapshot()
    mailbox.subscribe(1, ["t"], latest_only=False, retained=True)
    arrive(mailbox, "1", "2")
    assert read(mailbox) == ["1", "2"]
    mailbox.roll_back(record)
    arrive(mailbox, "3")
    again = Mailbox(mailbox.snapshot())
    for each in (mailbox, again):
        each.subscribe(1, ["t"], latest_only=False, retained=True)
        assert read(each) == ["1", "2", "3"]


# Late mail and the quota ------------------------------------------------------------------------------------------------


def test_late_mail_comes_before_what_the_destination_heard_itself():
    source = open_mailbox("t")
    record = source.snapshot()
    source.begin_late()
    arrive(source, "1", "2")
    destination = Mailbox(record)
    destination.wait_for_late()
    arrive(destination, "3")
    assert read(destination) == []
    assert destination.late_complete(source.end_late())
    arrive(destination, "4")
    assert read(destination) == ["1", "2", "3", "4"]


def test_qos_1_does_not_wait_for_late_mail():
    mailbox = open_mailbox("t")
    mailbox.wait_for_late()
    arrive(mailbox, "1", packets=itertools.count(1))
    assert read(mailbox) == ["1"]
    assert not mailbox.late_complete([])


def test_beyond_the_quota_qos_0_is_dropped_and_counted():
    mailbox = open_mailbox("t")
    arrive(mailbox, *["x"] * QUOTA_MESSAGES)
    assert mailbox.crowded
    arrive(mailbox, "y")
    assert (mailbox.dropped, mailbox.unread) == (1, QUOTA_MESSAGES)


def test_the_lowest_quality_of_service_is_known():
    mailbox = open_mailbox("t")
    assert mailbox.snapshot().input_qos is None
    arrive(mailbox, "1", packets=itertools.count(1))
    assert mailbox.snapshot().input_qos == 1
    arrive(mailbox, "2")
    assert mailbox.snapshot().input_qos == 0


# Mail of a suspended function ------------------------------------------------------------------------------------------


def test_what_was_saved_in_a_file_comes_after_a_restart_and_its_repeats_do_not():
    packets = itertools.count(1)
    mailbox = open_mailbox("t")
    arrive(mailbox, "1", packets=packets)
    record = mailbox.snapshot()
    mailbox.keep(record)
    arrive(mailbox, "2", "3", packets=packets)
    arrive(mailbox, "4")
    saved = mailbox.unsaved(0)
    assert [it.arrival.payload for it in saved] == [b"2", b"3", b"4"]
    mailbox.cover_up_to(mailbox.arrivals)
    assert len(mailbox.acknowledge(all_covered=True)) == 3
    arrive(mailbox, "5")
    assert [it.arrival.payload for it in mailbox.unsaved(4)] == [b"5"]
    again = Mailbox(record, 20)
    again.take_saved(saved)
    again.arrive(delivery("2", packet=2, duplicate=True), at=1.0)  # acknowledged, but the broker did not hear it
    assert not again.acknowledge(all_covered=True)  # who keeps the file has not said yet that it counts
    again.cover_up_to(again.arrivals)
    assert len(again.acknowledge(all_covered=True)) == 1
    later = again.snapshot()
    assert read(again) == ["1", "2", "3", "4"]
    again.roll_back(record)
    assert read(again) == ["1", "2", "3", "4"]
    assert read(Mailbox(later)) == ["1", "2", "3", "4"]
