"""The calls of `ctx` beside waiting, against a scripted hub: subscriptions, outputs, checkpoints, status; moved too."""

from __future__ import annotations

import pytest

from devices.protocol import limits, link

HEAR = """
    @function
    def story():
        for message in ctx.subscribe("meter/{room}/power"):
            return message.number()
"""


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
    hub = await workers.start(HEAR)
    asked = hub.expect(link.Subscribe)
    captured = hub.capture(hold=True)
    other = await workers.go_on(captured, subscriptions={1: ["meter/{room}/power"]})
    again = other.grant()
    assert (again.subscription, again.filters) == (asked.subscription, asked.filters)
    other.expect(link.Pull)
    other.deliver("meter/attic/power", "1")
    assert other.result() == 1.0


async def test_a_refused_subscription_is_an_error_at_its_line(workers):
    hub = await workers.start(HEAR)
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
