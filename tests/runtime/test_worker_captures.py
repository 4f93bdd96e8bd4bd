"""A worker is captured while it computes or waits, is told what cannot be, and goes on."""

from __future__ import annotations

import signal

from devices.protocol import link

COMPUTE = """
    def step(number):
        return number * number % 7

    @function
    def story(count: int = 300_000):
        total = 0
        for number in range(count):
            total += step(number)
            if number == 1000:
                print("computing")
        return total
"""
COMPUTED = sum(number * number % 7 for number in range(300_000))


async def test_a_computing_function_is_captured_and_goes_on_elsewhere_to_the_same_result(workers):
    hub = await workers.start(COMPUTE)
    hub.expect(link.Log)
    captured = hub.capture(hold=True)
    assert captured.line.startswith("story.py:")
    assert captured.frames[0].startswith("story")
    assert {"total", "number"} <= {variable.name for variable in captured.variables}
    other = await workers.go_on(captured)
    assert other.result() == COMPUTED
    hub.send(link.GoOn(number=1))
    assert hub.result() == COMPUTED


async def test_live_checkpoints_of_a_computing_function_do_not_change_its_result(workers):
    hub = await workers.start(COMPUTE)
    images = [hub.capture(number) for number in range(1, 11)]
    assert hub.result() == COMPUTED
    for captured in (images[0], images[-1]):
        assert (await workers.go_on(captured)).result() == COMPUTED


async def test_captures_that_come_faster_than_they_can_be_taken_are_each_answered_once(workers):
    hub = await workers.start("""
        def step(number):
            return number % 7

        @function
        def story():
            total, number = 0, 0
            while not ctx.hub == "nowhere":
                total += step(number)
                number += 1
    """)
    for number in range(100):
        hub.send(link.Capture(number=number, hold=False))
        hub.worker.send_signal(signal.SIGUSR1)
    answered = [hub.expect(link.Captured | link.NotCaptured).number for _ in range(100)]
    assert sorted(answered) == list(range(100))


async def test_a_capture_is_noticed_without_a_signal_of_the_hubs(workers):
    hub = await workers.start("""
        @function
        def story():
            while True:
                pass
    """)
    hub.send(link.Capture(number=1, hold=False))
    assert hub.expect(link.Captured).number == 1


async def test_signals_without_a_frame_change_nothing(workers):
    hub = await workers.start(COMPUTE)
    for _ in range(100):
        hub.worker.send_signal(signal.SIGUSR1)
    assert hub.result() == COMPUTED


async def test_a_place_that_is_not_reached_within_the_limit_is_named_and_the_function_runs_on(workers):
    hub = await workers.start("""
        def key(number):
            if number == 0:
                print("inside")
            total = 0
            for _ in range(200):
                total += number
            return total

        @function
        def story():
            return sorted(range(20_000), key=key)[0]
    """)
    hub.expect(link.Log)
    hub.ask_for_capture(limit=0.05)
    frame = hub.expect(link.NotCaptured)
    assert frame.error["slug"] == "cannot-stop"
    assert hub.result() == 0


async def test_a_function_that_holds_a_socket_is_told_of_and_goes_on(workers):
    hub = await workers.start("""
        import socket

        @function
        def story():
            ctx.subscribe("a")
            line = socket.socket()
            ctx.next()
            return line.fileno() > 0
    """)
    hub.grant()
    hub.expect(link.Pull)
    hub.ask_for_capture()
    error = hub.expect(link.NotCaptured).error
    assert error["slug"] == "cannot-travel"
    told = " ".join(error.values())
    assert "story" in told
    assert "line" in told
    assert "line 8" in told
    assert error["remedy"]
    hub.deliver("a")
    assert hub.result() is True


async def test_a_waiting_function_that_cannot_be_read_where_it_waits_is_read_at_the_next_place(workers):
    hub = await workers.start("""
        def ask(number):
            ctx.next()
            return number

        @function
        def story():
            ctx.subscribe("a")
            found = max([1], key=ask)
            return found + 1
    """)
    hub.grant()
    hub.expect(link.Pull)
    hub.ask_for_capture(limit=30)
    hub.deliver("a")
    captured = hub.expect(link.Captured)
    assert captured.delivered == 1
    assert (await workers.go_on(captured)).result() == 2


async def test_and_if_the_wait_lasts_longer_than_the_limit_the_reason_is_told(workers):
    hub = await workers.start("""
        @function
        def story():
            ctx.subscribe("a")
            return max([1], key=lambda number: ctx.next() and number)
    """)
    hub.grant()
    hub.expect(link.Pull)
    hub.ask_for_capture(limit=0.05)
    assert hub.expect(link.NotCaptured).error["slug"] == "cannot-stop"
    hub.deliver("a")
    assert hub.result() == 1
