"""A function that is moved at moments nobody chose applies each message once, and makes each output once."""

from __future__ import annotations

import random

import msgspec

from devices.protocol import link

TEXT = """
    def churn(number, steps):
        total = 0
        for step in range(steps):
            try:
                total += step * number % 7
                if step % 50 == 49:
                    raise ValueError(step)
            except ValueError as error:
                total -= error.args[0]
        return total

    @function
    def story(wanted: int = 100):
        applied, churned = [], 0
        for message in ctx.subscribe("numbers/{which}"):
            number = int(message.number())
            churned += churn(number, number * 13 % 400)
            applied.append(number)
            ctx.publish("applied", number)
            if len(applied) == wanted:
                return [applied, churned]
"""


def churn(number: int, steps: int) -> int:
    total = 0
    for step in range(steps):
        total += step * number % 7
        if step % 50 == 49:
            total -= step
    return total


async def test_no_message_is_lost_or_applied_twice_and_no_output_made_twice(workers, long_run):
    wanted = 3000 if long_run else 150
    chance = random.Random(20260101)
    hub = await workers.start(TEXT, arguments={"wanted": wanted})
    hub.grant()
    given, outputs, moves, pulled, pending = 0, {}, 0, False, 0
    while True:
        frame = hub.frame()
        match frame:
            case link.Publish():
                assert outputs.setdefault(frame.sequence, frame.payload) == frame.payload
                hub.send(link.Durable(number=0, checkpoint="c", sequence=frame.sequence))
            case link.Pull():
                pulled = True
            case link.Captured(number=number) if number == pending:
                assert frame.delivered == given
                assert frame.sequence == max(outputs, default=0)
                old, hub = hub, await workers.go_on(frame, subscriptions={1: ["numbers/{which}"]})
                old.worker.close()
                workers.hubs.remove(old)
                moves, pulled, pending = moves + 1, False, 0
            case link.Returned():
                break
            case _:
                raise AssertionError(frame)
        if pulled and not pending and chance.random() < 0.4:
            moment = chance.random()
            if moment < 0.5:  # at once, while it waits; else behind a message, while it computes
                pending = moves + 1
                hub.ask_for_capture(pending, hold=True)
                continue
        if pulled and not pending and given < wanted:
            given += 1
            hub.deliver("numbers/all", str(given))
            pulled = False
            if chance.random() < 0.4:
                pending = moves + 1
                hub.ask_for_capture(pending, hold=True)
    numbers = list(range(1, wanted + 1))
    expected = [numbers, sum(churn(number, number * 13 % 400) for number in numbers)]
    assert msgspec.json.decode(frame.result) == expected
    assert [int(outputs[sequence]) for sequence in sorted(outputs)] == numbers
    assert moves > wanted // 10
