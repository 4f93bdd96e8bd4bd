"""Outputs leave once, in order, when the checkpoint that contains them is durable."""

from __future__ import annotations

import pytest

from devices.errors import ProtocolError
from devices.hub.outbox import Outbox
from devices.protocol import limits
from devices.protocol.checkpoint import Output


def output(sequence: int, payload: str = "x", epoch: int = 1) -> Output:
    return Output(sequence=sequence, topic="t", payload=payload.encode(), qos=1, retain=False, epoch=epoch)


def outbox_with(*sequences: int, **rest) -> Outbox:
    outbox = Outbox([], sequence=0, **rest)
    for sequence in sequences:
        outbox.made(output(sequence))
    return outbox


def ready(outbox: Outbox) -> list[int]:
    return [it.sequence for it in outbox.ready()]


def test_an_output_waits_for_the_checkpoint_that_contains_it():
    outbox = outbox_with(1, 2, 3)
    assert ready(outbox) == []
    assert outbox.uncovered
    outbox.cover(2)
    assert ready(outbox) == [1, 2]
    assert ready(outbox) == []
    one, two, _ = outbox.snapshot()
    outbox.confirm(two)
    assert outbox.published == 0
    outbox.confirm(one)
    assert outbox.published == 2
    assert outbox.confirmed_up_to(2)
    assert [it.sequence for it in outbox.snapshot()] == [3]


def test_an_immediate_output_leaves_at_once_and_not_again_after_the_function_was_set_back():
    outbox = outbox_with(1)
    outbox.made(output(2, "lamp"), immediate=True)
    (lamp,) = outbox.ready()
    outbox.confirm(lamp)
    outbox.roll_back(0)
    outbox.made(output(1))
    outbox.made(output(2, "lamp"), immediate=True)
    assert ready(outbox) == []
    outbox.cover(2)
    assert ready(outbox) == [1]


def test_what_has_left_before_the_function_was_set_back_does_not_leave_again():
    outbox = outbox_with(1, 2, 3, published=2)
    outbox.cover(3)
    assert ready(outbox) == [3]


def test_another_output_under_a_number_that_left_early_does_leave():
    outbox = Outbox([], sequence=0)
    outbox.made(output(1, "on"), immediate=True)
    (on,) = outbox.ready()
    outbox.roll_back(0)
    outbox.made(output(1, "off"), immediate=True)
    outbox.confirm(on)
    assert [it.payload for it in outbox.ready()] == [b"off"]


def test_a_repeated_number_is_dropped_and_a_missing_one_refused():
    outbox = outbox_with(1, 2, 1)
    assert [it.sequence for it in outbox.snapshot()] == [1, 2]
    with pytest.raises(ProtocolError, match="output 4 follows 2"):
        outbox.made(output(4))


def test_a_worker_that_does_not_wait_is_refused():
    outbox = outbox_with(*range(1, 2 * limits.OUTBOX + 1))
    with pytest.raises(ProtocolError, match="512 waiting"):
        outbox.made(output(2 * limits.OUTBOX + 1))


def test_what_a_rolled_back_state_made_never_leaves():
    outbox = outbox_with(1, 2)
    outbox.cover(1)
    outbox.roll_back(1)
    assert ready(outbox) == [1]
    outbox.made(output(2, "other"))
    outbox.cover(2)
    assert [it.payload for it in outbox.ready()] == [b"other"]


def test_what_the_broker_did_not_confirm_is_sent_again_after_a_loss():
    outbox = outbox_with(1, 2)
    outbox.cover(2)
    assert ready(outbox) == [1, 2]
    outbox.confirm(outbox.snapshot()[0])
    outbox.connection_ended()
    assert ready(outbox) == [2]


def test_a_restored_outbox_sends_what_the_last_hub_had_not_published_with_the_epoch_that_made_it():
    outbox = Outbox([output(4, epoch=1), output(5, epoch=2)], sequence=5, published=4)
    assert [(it.sequence, it.epoch) for it in outbox.ready()] == [(5, 2)]


def test_a_muted_branch_sends_nothing():
    outbox = Outbox([output(1)], sequence=1, muted=True)
    outbox.made(output(2), immediate=True)
    outbox.cover(2)
    assert ready(outbox) == []
    assert (outbox.sequence, outbox.published) == (2, 2)


def test_a_muted_outbox_counts_what_it_withholds_and_lets_go_of_what_is_made_once_it_is_unmuted():
    outbox = Outbox([], sequence=0, muted=True)
    outbox.made(output(1))
    outbox.made(output(2), immediate=True)
    assert (outbox.withheld, outbox.ready(), outbox.waiting) == (2, [], 0)
    outbox.mute(muted=False)
    outbox.made(output(3))
    outbox.cover(3)
    assert [each.sequence for each in outbox.ready()] == [3]
    outbox.mute(muted=True)
    assert (outbox.waiting, outbox.withheld) == (0, 2)
