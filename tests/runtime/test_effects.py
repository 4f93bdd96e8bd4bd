"""Calls that wait, against a scripted hub: alone, captured in the middle, and gone on with in another process."""

from __future__ import annotations

import asyncio
import time

import pytest

from devices.protocol import link

COUNT = """
    @function
    def story(wanted: int = 3):
        total, readings = 0.0, ctx.subscribe("meter/{room}/power")
        for message in readings:
            total += message.number()
            print(f"{message.params['room']} {total:g}")
            wanted -= 1
            if not wanted:
                return total
"""


async def test_a_loop_over_a_subscription_goes_on_in_another_process_without_losing_a_message(workers):
    hub = await workers.start(COUNT)
    asked = hub.grant()
    assert (asked.filters, asked.latest_only, asked.retained) == (["meter/{room}/power"], False, True)
    assert hub.expect(link.Pull).subscriptions == [1]
    hub.deliver("meter/attic/power", "1.5")
    assert hub.expect(link.Pull).waiting == "meter/{room}/power"
    captured = hub.capture(hold=True)
    assert (captured.delivered, captured.line) == (1, "story.py:5")

    other = await workers.go_on(captured, subscriptions={1: ["meter/{room}/power"]})
    for number in (2, 3):
        other.expect(link.Pull)
        other.deliver("meter/cellar/power", str(number))
    assert other.result() == 6.5
    assert other.lines() == ["cellar 3.5", "cellar 6.5"]


async def test_a_live_checkpoint_lets_the_function_go_on_where_it_was(workers):
    hub = await workers.start(COUNT, arguments={"wanted": 2})
    hub.grant()
    hub.expect(link.Pull)
    assert hub.capture(1).delivered == 0
    hub.deliver("meter/attic/power", "1")
    hub.expect(link.Pull)
    assert hub.capture(2).delivered == 1
    hub.deliver("meter/attic/power", "1")
    assert hub.result() == 2.0


async def test_a_held_function_stands_still_until_it_may_go_on(workers):
    hub = await workers.start(COUNT, arguments={"wanted": 1})
    hub.grant()
    hub.expect(link.Pull)
    hub.capture(5, hold=True)
    hub.send(link.Durable(number=4, checkpoint="c", sequence=0))
    hub.send(link.GoOn(number=5))
    hub.deliver("meter/attic/power", "1")
    assert hub.result() == 1.0


async def test_a_message_that_was_in_the_worker_before_the_cut_belongs_to_the_state(workers):
    hub = await workers.start(COUNT, arguments={"wanted": 2})
    hub.grant()
    hub.expect(link.Pull)
    hub.deliver("meter/attic/power", "1")
    hub.ask_for_capture()
    captured = hub.expect(link.Pull | link.Captured)
    if isinstance(captured, link.Pull):
        captured = hub.expect(link.Captured)
    assert captured.delivered == 1
    other = await workers.go_on(captured, subscriptions={1: ["meter/{room}/power"]})
    other.expect(link.Pull)
    other.deliver("meter/attic/power", "1")
    assert other.result() == 2.0


NEXT = """
    @function
    def story():
        heard = ctx.subscribe("door", "bell")
        limit = 5.0
        message = heard.next(timeout="6m", where=lambda m: (m.number() or 0) > limit)
        return message and [message.topic, message.number(), message.retained, message.time.isoformat()]
"""


async def test_where_passes_over_messages_and_the_clock_runs_on(workers):
    hub = await workers.start(NEXT)
    hub.grant()
    first = hub.expect(link.Pull)
    assert first.until == pytest.approx(time.time() + 360, abs=60)
    hub.deliver("bell", "1")
    second = hub.expect(link.Pull)
    assert second.until == pytest.approx(first.until, abs=1)
    hub.deliver("bell", "7", retain=True)
    assert hub.result() == ["bell", 7.0, True, "2026-01-01T01:00:00+01:00"]


async def test_a_closure_in_where_travels(workers):
    hub = await workers.start(NEXT)
    hub.grant()
    hub.expect(link.Pull)
    other = await workers.go_on(hub.capture(hold=True), subscriptions={1: ["door", "bell"]})
    other.expect(link.Pull)
    other.deliver("bell", "4")
    other.expect(link.Pull)
    other.deliver("door", "6")
    assert other.result()[:2] == ["door", 6.0]


async def test_an_error_in_where_is_the_functions_own(workers):
    hub = await workers.start(NEXT)
    hub.grant()
    hub.expect(link.Pull)
    hub.deliver("bell", "ding")
    raised = hub.expect(link.Raised)
    assert "ValueError: bell: it is text" in raised.error
    assert 'File "story.py", line 6, in <lambda>' in raised.traceback
    assert raised.delivered == 1


TIMEOUT = """
    @function
    def story(timeout: float = 0.2):
        heard = ctx.subscribe("door")
        message = ctx.next(timeout=timeout)
        return message and message.text
"""


async def test_when_the_time_is_up_the_pull_is_taken_back(workers):
    hub = await workers.start(TIMEOUT)
    hub.grant()
    assert hub.expect(link.Pull).subscriptions == []
    hub.expect(link.Unpull)
    hub.send(link.Unpulled())
    assert hub.result() is None


async def test_a_message_that_crosses_the_end_of_the_time_still_counts(workers):
    hub = await workers.start(TIMEOUT)
    hub.grant()
    hub.expect(link.Pull)
    hub.expect(link.Unpull)
    hub.deliver("door", "open")
    hub.send(link.Unpulled())
    assert hub.result() == "open"


async def test_a_message_between_the_end_of_the_time_and_the_hubs_answer_is_captured_with_the_wait(workers):
    hub = await workers.start(TIMEOUT)
    hub.grant()
    hub.expect(link.Pull)
    hub.expect(link.Unpull)
    hub.deliver("door", "open")
    captured = hub.capture(hold=True)
    assert captured.delivered == 1
    other = await workers.go_on(captured, subscriptions={1: ["door"]})
    assert other.result() == "open"


async def test_time_in_which_the_hub_was_deaf_does_not_count(workers):
    hub = await workers.start(TIMEOUT, arguments={"timeout": 0.5})
    hub.grant()
    hub.expect(link.Pull)
    hub.expect(link.Unpull)
    hub.send(link.Unpulled(deaf=0.5))
    again = hub.expect(link.Pull)
    assert again.until is not None
    hub.expect(link.Unpull)
    hub.send(link.Unpulled())
    assert hub.result() is None


async def test_a_time_out_stands_still_while_the_function_is_held_or_on_its_way(workers):
    hub = await workers.start(TIMEOUT, arguments={"timeout": 3600.0})
    hub.grant()
    pulled = hub.expect(link.Pull)
    captured = hub.capture(1, hold=True)
    await asyncio.sleep(0.5)  # the function's clock stands still: that is what is tested
    other = await workers.go_on(captured, subscriptions={1: ["door"]})
    assert other.expect(link.Pull).until >= pulled.until + 0.5
    hub.send(link.GoOn(number=1))
    hub.send(link.Capture(number=2, hold=False))
    later = await workers.go_on(hub.expect(link.Captured), subscriptions={1: ["door"]})
    assert later.expect(link.Pull).until >= pulled.until + 0.5


async def test_after_a_restore_what_is_queued_comes_before_the_time_out(workers):
    hub = await workers.start(TIMEOUT, arguments={"timeout": 0.0})
    hub.grant()
    hub.expect(link.Pull)
    hub.expect(link.Unpull)
    other = await workers.go_on(hub.capture(hold=True), subscriptions={1: ["door"]})
    other.expect(link.Pull)
    other.deliver("door", "queued")
    ended = other.expect(link.Unpull | link.Returned)
    if isinstance(ended, link.Unpull):
        other.send(link.Unpulled())
        ended = other.expect(link.Returned)
    assert ended.result == b'"queued"'


async def test_until_is_wall_clock_and_a_restore_does_not_lengthen_it(workers):
    hub = await workers.start("""
        from datetime import timedelta

        @function
        def story():
            return ctx.next(until=ctx.now() + timedelta(seconds=1.5)) is None
    """)
    pulled = hub.expect(link.Pull)
    captured = hub.capture(hold=True)
    other = await workers.go_on(captured)
    assert other.expect(link.Pull).until == pytest.approx(pulled.until, abs=0.01)
    other.expect(link.Unpull)
    other.send(link.Unpulled())
    assert other.result() is True
    assert time.time() >= pulled.until


SLEEP = """
    import time

    @function
    def story(seconds: float = 3600.0, plain: bool = False):
        before = ctx.now()
        if plain:
            time.sleep(seconds)
        else:
            ctx.sleep(seconds)
        return (ctx.now() - before).total_seconds()
"""


@pytest.mark.parametrize("plain", [False, True])
async def test_a_sleep_keeps_its_deadline_across_a_restore(workers, plain):
    hub = await workers.start(SLEEP, arguments={"seconds": 2.0, "plain": plain})
    slept = hub.expect(link.Sleeping)
    captured = hub.capture(hold=True)
    hub.worker.close()
    other = await workers.go_on(captured)
    assert other.expect(link.Sleeping | link.Returned)
    assert other.result() >= 2.0
    assert time.time() >= slept.until


async def test_a_sleep_that_is_overdue_ends_at_once(workers):
    hub = await workers.start(SLEEP, arguments={"seconds": 1.1})
    hub.expect(link.Sleeping)
    captured = hub.capture(hold=True)
    await asyncio.sleep(1.2)  # the power is off
    other = await workers.go_on(captured)
    assert 1.1 <= other.result() < 30


async def test_a_sleep_says_until_when(workers):
    hub = await workers.start(SLEEP)
    slept = hub.expect(link.Sleeping)
    assert slept.until == pytest.approx(time.time() + 3600, abs=60)
    assert slept.waiting == "sleeps"


async def test_an_effect_that_was_taken_up_is_captured_and_taken_up_again(workers):
    hub = await workers.start(COUNT, arguments={"wanted": 4})
    hub.grant()
    total = 0
    for number in range(1, 4):
        hub.expect(link.Pull)
        hub.deliver("meter/attic/power", str(number))
        total += number
        hub.expect(link.Pull)
        hub = await workers.go_on(hub.capture(hold=True), subscriptions={1: ["meter/{room}/power"]})
    hub.expect(link.Pull)
    hub.deliver("meter/attic/power", "10")
    assert hub.result() == total + 10


async def test_a_next_that_was_taken_up_is_captured_and_taken_up_again(workers):
    hub = await workers.start(NEXT)
    hub.grant()
    for _ in range(3):
        hub.expect(link.Pull)
        hub = await workers.go_on(hub.capture(hold=True), subscriptions={1: ["door", "bell"]})
    hub.expect(link.Pull)
    hub.deliver("door", "6")
    assert hub.result()[:2] == ["door", 6.0]
