"""What a hub's disk alone has is not given away: it is fetched, waited for, or somebody accepts that it is lost."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from coordinator_house import WASHER, hubs_online
from scripted_hub import TOPICS, dies_with

from devices.errors import RefusedError
from devices.protocol import commands
from devices.protocol.ahead import Ahead

SINCE = "2026-11-25T00:00:00.000Z"


def says_ahead(hub, epoch: int, *, suspended: bool = True) -> None:
    checkpoint = hub.copies["washer"].header.checkpoint
    word = Ahead(instance="washer", hub=hub.name, epoch=epoch, since=SINCE, checkpoint=checkpoint, suspended=suspended)
    hub.publish(TOPICS.instance("washer", "ahead"), word, retain=True)


async def dies(hub, _):
    await hub.crash()


@pytest.fixture
async def asleep(house, asker, washer):
    """The same instance, suspended on hub-a, which has messages for it that the store lacks."""
    a, b = washer
    await asker.ask("suspend", instance="washer")
    says_ahead(a, 1)
    await asker.until(lambda: house.coordinator._ahead.of("washer", 1))
    return a, b


async def test_a_suspended_function_is_resumed_elsewhere_with_its_messages_or_when_their_loss_is_accepted(
    house, asker, asleep
):
    a, b = asleep
    await a.crash()
    await hubs_online(asker, 1)
    (row,) = await asker.ask("if-lost", hub="hub-a")
    assert "--accept-loss" in row.why
    assert "messages" in row.lost
    await asker.until(lambda: any("midstream resume washer --accept-loss" in it for it in asker.status().attention))
    with pytest.raises(RefusedError, match="hub-a, which is away, alone has the messages") as refused:
        await asker.ask("resume", instance="washer", hub="hub-b")
    assert refused.value.remedy == "start hub-a again, or give that up: midstream resume washer --accept-loss"
    assert (await asker.ask("resume", instance="washer", hub="hub-b", accept_loss=True)).hub == "hub-b"
    assert asker.told("gave up what hub-a did with washer")
    assert "washer" in b.copies


async def test_what_is_resumed_where_it_is_has_its_messages_in_the_store_first(house, asker, asleep):
    a, _ = asleep
    suspended_at = a.copies["washer"].header.checkpoint
    await asker.ask("resume", instance="washer")
    (restore,) = [it for it in a.got(commands.Restore) if it.epoch == 2]
    assert a.got(commands.Capture)[-1].hold is False
    assert restore.checkpoint != suspended_at
    assert restore.checkpoint in [it.checkpoint for it in await asker.ask("lineage", instance="washer")]


@pytest.mark.parametrize("ends", ["its hub is back", "the loss is accepted"])
async def test_a_hub_that_dies_as_it_goes_on_and_is_ahead_is_waited_for(house, asker, asleep, ends):
    a, b = asleep
    a.behaviour["restore"] = dies
    asking = asyncio.create_task(asker.ask("resume", instance="washer"))
    await asker.until(lambda: asker.told("waits for hub-a, which alone has the messages"))
    assert "washer" not in b.copies
    if ends == "its hub is back":
        await house.hub("hub-a", start=2, key=a.key, copies=a.copies)
        assert (await asking).hub == "hub-a"
        assert not asker.told("gave up")
    else:
        hastened = await asker.ask("resume", instance="washer", accept_loss=True)
        assert (hastened.hub, (await asking).hub) == ("hub-b", "hub-b")
        assert asker.told("gave up what hub-a did with washer")


async def test_a_word_ends_where_its_function_goes_on_and_where_its_hub_has_lost_everything(house, asker, washer):
    a, b = washer
    await asker.ask("migrate", instance="washer", hub="hub-b")
    assert not asker.told("gave up")
    says_ahead(b, 1)  # of an epoch that is over: it comes late
    await asker.until(lambda: house.coordinator._ahead.since("washer", 1))
    await asker.ask("migrate", instance="washer", hub="hub-a")
    assert not house.coordinator._ahead.since("washer", 0)
    await asker.ask("suspend", instance="washer")
    says_ahead(a, 3)
    await asker.until(lambda: house.coordinator._ahead.of("washer", 3))
    await a.crash()
    await house.hub("hub-a", start=2, key=a.key)
    await asker.until(lambda: [it for it in asker.told("gave up") if "hub-a does not have it any more" in it.why])


@pytest.mark.parametrize("failover", ["wait 3s", "wait 1h"])
async def test_an_absent_hub_is_waited_for_before_messages_are_lost_as_long_as_the_function_says(
    house, asker, failover
):
    a, b = await house.hub("hub-a"), await house.hub("hub-b")
    await hubs_online(asker, 2)
    source = WASHER.replace("@function", f'@function(failover="{failover}")')
    await asker.ask("run", files={"washer.py": source}, hub="hub-a")
    copy = a.copies["washer"]
    mailbox = msgspec.structs.replace(copy.header.mailbox, arrivals=5)
    copy.header = msgspec.structs.replace(copy.header, consumed=None, mailbox=mailbox)  # of an older version

    async def fails(hub, command):
        await a.crash()
        if command.epoch == 2:
            hub.fail(command, "the worker died")
        else:
            await type(hub).do_restore(hub, command)

    b.behaviour["restore"] = fails
    asking = asyncio.create_task(asker.ask("migrate", instance="washer", hub="hub-b"))
    await asker.until(lambda: asker.told("waits for a hub: hub-a away"))
    if failover == "wait 3s":
        moved = await asking
        assert moved.destination == "hub-b"
        assert asker.told("up to 5 more are lost")
    else:
        back = await house.hub("hub-a", start=2, key=a.key)
        assert (await asking).destination == "hub-a"
        assert back.copies["washer"].header.mailbox.arrivals == 5
        assert not asker.told("are lost")


async def test_a_hub_that_only_went_away_is_given_the_newest_checkpoint_once_more(house, asker, washer):
    a, b = washer

    b.behaviour["restore"] = dies_with(a)
    asking = asyncio.create_task(asker.ask("migrate", instance="washer", hub="hub-b"))
    await asker.until(lambda: asker.told("waits for a hub"))
    await house.hub("hub-b", start=2, key=b.key)
    moved = await asking
    assert moved.destination == "hub-b"
    assert not asker.told("older checkpoint")
