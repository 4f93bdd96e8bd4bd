"""Each call of `ctx` against a scripted hub: alone, captured in the middle, and gone on with in another process."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime

import pytest

from devices.protocol import limits, link

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
    assert slept.waiting.startswith("sleeping for 1h, until ")
    assert datetime.strptime(slept.waiting[-5:], "%H:%M")  # noqa: DTZ007


async def test_latest_is_the_newest_heard_and_consumes_nothing(workers):
    hub = await workers.start("""
        @function
        def story():
            tank = ctx.subscribe("tank/{which}", keep="latest", retained=False)
            before = tank.latest
            return [before, tank.latest.params, tank.latest.number()]
    """)
    asked = hub.grant()
    assert (asked.latest_only, asked.retained) == (True, False)
    assert hub.expect(link.Latest).subscription == 1
    hub.send(link.Newest(message=None))
    for _ in range(2):
        hub.expect(link.Latest)
        hub.send(link.Newest(message=hub.message("tank/upper", "58", number=0)))
    assert hub.result() == [None, {"which": "upper"}, 58.0]


async def test_a_capture_that_comes_while_latest_is_asked_is_taken_behind_it(workers):
    hub = await workers.start("""
        @function
        def story():
            tank = ctx.subscribe("tank")
            hot = tank.latest.number() > 50
            return hot
    """)
    hub.grant()
    hub.expect(link.Latest)
    hub.ask_for_capture()
    hub.send(link.Newest(message=hub.message("tank", "58", number=0)))
    captured = hub.expect(link.Captured)
    assert (await workers.go_on(captured)).result() is True


async def test_a_subscription_with_with_ends_there_also_after_a_restore(workers):
    hub = await workers.start("""
        @function
        def story():
            kept = ctx.subscribe("kept")
            with ctx.subscribe("door", retained=False) as door:
                first = door.next()
            ctx.publish("out", [first in door, first in kept])
            return door.next()
    """)
    hub.grant()
    assert hub.grant().subscription == 2
    hub.expect(link.Pull)
    captured = hub.capture(hold=True)
    other = await workers.go_on(captured, subscriptions={1: ["kept"], 2: ["door"]})
    other.expect(link.Pull)
    other.deliver("door", "open", subscription=2)
    assert other.expect(link.Unsubscribe).subscription == 2
    assert other.expect(link.Publish).payload == b"[true,false]"
    assert "the subscription to door is closed" in other.expect(link.Raised).error


async def test_a_subscription_that_was_not_granted_before_the_move_is_asked_for_again(workers):
    hub = await workers.start(COUNT, arguments={"wanted": 1})
    asked = hub.expect(link.Subscribe)
    captured = hub.capture(hold=True)
    other = await workers.go_on(captured, subscriptions={1: ["meter/{room}/power"]})
    again = other.grant()
    assert (again.subscription, again.filters) == (asked.subscription, asked.filters)
    other.expect(link.Pull)
    other.deliver("meter/attic/power", "1")
    assert other.result() == 1.0


async def test_a_refused_subscription_is_an_error_at_its_line(workers):
    hub = await workers.start(COUNT)
    asked = hub.expect(link.Subscribe)
    hub.send(link.Subscribed(subscription=asked.subscription, error={"slug": "refused", "message": "not authorized"}))
    raised = hub.expect(link.Raised)
    assert raised.error == "RefusedError: not authorized"
    assert 'File "story.py", line 4, in story' in raised.traceback


PUBLISH = """
    @function
    def story(count: int = 3):
        for number in range(count):
            ctx.publish(f"out/{number}", number, retain=number == 1, qos=0 if number == 2 else 1)
            ctx.next()
"""


async def test_outputs_are_numbered_by_the_state_across_a_restore(workers):
    hub = await workers.start(PUBLISH, sequence=7)
    first = hub.expect(link.Publish)
    assert (first.sequence, first.topic, first.payload, first.qos, first.retain) == (8, "out/0", b"0", 1, False)
    hub.expect(link.Pull)
    captured = hub.capture(hold=True)
    assert captured.sequence == 8
    other = await workers.go_on(captured)
    other.expect(link.Pull)
    other.deliver()
    second = other.expect(link.Publish)
    assert (second.sequence, second.retain) == (9, True)


async def test_a_function_that_outruns_the_durable_outputs_waits_and_its_output_is_made_once(workers):
    hub = await workers.start("""
        @function
        def story():
            for number in range(400):
                ctx.publish("out", number)
            return "done"
    """)
    sent = [hub.expect(link.Publish).sequence for _ in range(limits.OUTBOX)]
    captured = hub.capture(hold=True)
    assert captured.sequence == sent[-1] == limits.OUTBOX
    other = await workers.go_on(captured)
    rest = [other.expect(link.Publish) for _ in range(400 - limits.OUTBOX)]
    assert [int(frame.payload) for frame in rest] == list(range(limits.OUTBOX, 400))
    hub.send(link.GoOn(number=1))
    hub.send(link.Durable(number=1, checkpoint="c", sequence=100))
    assert [hub.expect(link.Publish).sequence for _ in range(100)] == list(
        range(limits.OUTBOX + 1, limits.OUTBOX + 101)
    )
    hub.send(link.Durable(number=1, checkpoint="c", sequence=limits.OUTBOX + 100))
    assert hub.expect(link.Publish).sequence == limits.OUTBOX + 101


async def test_a_checkpoint_on_request_returns_its_id_when_it_is_durable(workers):
    text = """
        @function
        def story():
            return [ctx.checkpoint(), ctx.hub]
    """
    hub = await workers.start(text)
    hub.expect(link.Checkpoint)
    hub.send(link.Durable(number=1, checkpoint="older", sequence=0))
    captured = hub.capture(2)
    hub.send(link.Durable(number=1, checkpoint="older", sequence=0))
    hub.send(link.Durable(number=2, checkpoint="mine", sequence=0))
    assert hub.result() == ["mine", "hub-a"]
    assert (await workers.go_on(captured, checkpoint="c-9")).result() == ["c-9", "hub-b"]


async def test_a_checkpoint_on_request_that_cannot_travel_is_an_error_of_the_function(workers):
    hub = await workers.start("""
        import socket

        @function
        def story():
            line = socket.socket()
            try:
                ctx.checkpoint()
            except Exception as error:
                return [type(error).__name__, str(error), line.fileno() > 0]
    """)
    hub.expect(link.Checkpoint)
    hub.ask_for_capture()
    refused = hub.expect(link.NotCaptured)
    assert refused.error["slug"] == "cannot-travel"
    name, text, still_open = hub.result()
    assert (name, still_open) == ("CannotTravelError", True)
    assert "line" in text


async def test_status_is_numbers_and_texts_that_anybody_can_read(workers):
    hub = await workers.start("""
        from decimal import Decimal

        @function
        def story():
            ctx.status("a\\nb", progress=0.5, n=1, x=1.5, on=True, none=None, d=Decimal("1.5"), nan=float("nan"))
            ctx.status(progress=2)
    """)
    raised = hub.expect(link.Raised)
    assert "progress=2" in raised.error
    assert hub.asides == [
        link.Status(
            text="a b",
            progress=0.5,
            values={"n": 1, "x": 1.5, "on": True, "none": None, "d": "1.5", "nan": "nan"},
        )
    ]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ('ctx.sleep("01:00")', "'01:00' is no duration"),
        ("ctx.sleep()", "one of them"),
        ('ctx.sleep("1h", until="07:00")', "one of them"),
        ('ctx.sleep(until="sunset-30m")', "no time of day"),
        ('ctx.next("soon")', "'soon' is no duration"),
        ("ctx.subscribe()", "needs a topic filter"),
        ('ctx.subscribe("a/#/b")', "no MQTT topic filter"),
        ('ctx.subscribe("a", keep="newest")', "keep='newest'"),
        ('ctx.publish("a/+", 1)', "no topic to publish to"),
        ('ctx.publish("a", None)', "None is no payload"),
        ('ctx.publish("a", float("nan"))', "no number"),
        ('ctx.publish("a", object())', "cannot be written as JSON"),
        ('ctx.publish("a", 1, qos=2)', "qos=2"),
        ('ctx.publish("a", b"x" * 2_000_000)', "2000000 bytes"),
    ],
)
async def test_a_wrong_call_is_one_clear_error_at_its_line(workers, call, message):
    hub = await workers.start(f"""
        @function
        def story():
            {call}
    """)
    raised = hub.expect(link.Raised)
    assert raised.error.startswith("UsageError: ")
    assert message in raised.error
    assert "line 4, in story" in raised.traceback
    assert "devices" not in raised.traceback


@pytest.mark.parametrize(
    ("value", "payload"),
    [
        ('"text"', b"text"), ("21", b"21"), ("21.5", b"21.5"), ("True", b"true"), ('b"\\xff"', b"\xff"),
        ('{"a": [1, None]}', b'{"a":[1,null]}'), ("(1, 2)", b"[1,2]"), ('""', b""),
    ],
)  # fmt: skip
async def test_payloads_are_text_bytes_or_json(workers, value, payload):
    hub = await workers.start(f"""
        @function
        def story():
            ctx.publish("out", {value}, immediate=True)
    """)
    frame = hub.expect(link.Publish)
    assert (frame.payload, frame.immediate) == (payload, True)


async def test_the_libraries_own_objects_travel(workers):
    hub = await workers.start("""
        import time

        @function
        def story():
            nap, me, error = time.sleep, ctx, None
            heard = ctx.subscribe("a/{x}")
            first = heard.next()
            try:
                ctx.sleep("soon")
            except Exception as wrong:
                error = wrong
            box = [first, first, heard]
            second = ctx.next()
            return [
                nap is time.sleep, me is ctx, str(error).split()[0], box[0] is box[1], box[2] is heard, first.params,
                first.number(), first.time.utcoffset().total_seconds(), first in heard, second.text, heard.filters,
            ]
    """)
    hub.grant()
    hub.expect(link.Pull)
    hub.deliver("a/1", "5")
    hub.expect(link.Pull)
    other = await workers.go_on(hub.capture(hold=True), subscriptions={1: ["a/{x}"]})
    other.expect(link.Pull)
    other.deliver("a/2", "two")
    assert other.result() == [
        True, True, "'soon'", True, True, {"x": "1"}, 5.0, 3600.0, True, "two", ["a/{x}"],
    ]  # fmt: skip


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
