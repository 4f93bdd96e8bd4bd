"""What the broker's full queues threw away is told while it is recent, and nothing is told without a loss."""

import pytest

from coordinator.ingest.broker_drops import DROPPED, RECENT, BrokerDrops


class Ears:
    def listen(self, topic_filter, handler):
        self.handler = handler


@pytest.fixture
def clock():
    return [0.0]


def heard(drops, *counts):
    for count in counts:
        drops.heard(DROPPED, count, 0, False)


def test_a_count_that_grows_is_told_with_the_number_and_the_remedy(clock):
    drops = BrokerDrops(Ears(), lambda: clock[0])
    heard(drops, b"5", b"12", b"13")
    (sentence,) = drops.attention()
    assert "dropped 8 messages" in sentence
    assert "max_queued_messages" in sentence


@pytest.mark.parametrize("counts", [(b"7",), (b"7", b"7"), (b"7", b"0"), (b"", b"x", b"-1")], ids=str)
def test_a_first_count_an_equal_one_and_a_restarted_broker_are_no_loss(clock, counts):
    drops = BrokerDrops(Ears(), lambda: clock[0])
    heard(drops, *counts)
    assert drops.attention() == []


def test_an_old_loss_is_no_longer_pointed_out(clock):
    drops = BrokerDrops(Ears(), lambda: clock[0])
    heard(drops, b"0", b"3")
    clock[0] = RECENT + 1
    assert drops.attention() == []
    heard(drops, b"4")
    assert "dropped 1 messages" in drops.attention()[0]
