"""A function that is slower than its topics is told of before the broker's queue drops anything."""

from __future__ import annotations

from scripted_hub import TOPICS

from devices.mqtt.session import Session
from devices.protocol import limits, messages


async def test_a_function_that_falls_behind_is_told_and_so_is_a_queue_that_fills(house, asker, washer):
    a, _ = washer
    told = messages.InstanceState(state="running", function="washer", hub="hub-a", epoch=1)

    def lags(lag):
        told.lag = lag
        a.publish(TOPICS.instance("washer", "state"), told, retain=True)

    lags(limits.MAILBOX_MESSAGES - 1)
    await asker.ask("ps")
    assert not asker.told("is slower than its topics")
    lags(limits.MAILBOX_MESSAGES)
    await asker.until(lambda: asker.told("washer is slower than its topics"))
    await asker.until(lambda: "washer is slower" in " ".join(asker.status().attention))
    slow = Session(house.address, "slow", clean_start=False)
    async with slow:
        await slow.subscribe({"many": 1})
    for number in range(600):
        a.session.publish_nowait("many", str(number).encode())
    await asker.until(lambda: asker.told("messages wait in the broker's queues, and washer"))  # $SYS: each 10 s
    await asker.until(lambda: "wait in the broker's queues" in " ".join(asker.status().attention))
    lags(limits.MAILBOX_MESSAGES // 2)
    lags(limits.MAILBOX_MESSAGES // 2 - 1)
    await asker.until(lambda: "washer is slower" not in " ".join(asker.status().attention))
    assert len(asker.told("washer is slower than its topics")) == 1
