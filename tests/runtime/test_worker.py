"""The life of a worker around the function's: loading, computing, printing, ending."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest
from scripted_agent import FRONT_DOOR, PATIENCE

from devices.protocol import limits, link

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


async def test_arguments_and_defaults_are_the_functions(workers):
    hub = await workers.start(
        "@function\ndef story(a: int, b='x', *, c: float = 1.5): return [a, b, c]", arguments={"a": 1, "c": 2.5}
    )
    assert hub.result() == [1, "x", 2.5]


async def test_lines_that_are_printed_or_logged_reach_the_hub_in_order(workers):
    hub = await workers.start("""
        import logging, sys

        @function
        def story():
            print("one"); print("two", end=""); print(" parts")
            logging.getLogger("mine").info("logged %d", 3)
            logging.debug("not shown")
            print("four", file=sys.stderr)
            print("x" * 10_000)
            sys.stdout.buffer.write("ünfinished".encode())
    """)
    assert hub.result() is None
    shown = [(frame.level, frame.text) for frame in hub.asides]
    assert shown[:4] == [("info", "one"), ("info", "two parts"), ("info", "logged 3"), ("warning", "four")]
    assert len(shown[4][1]) == limits.LOG_LINE
    assert shown[5] == ("info", "ünfinished")


async def test_lines_that_the_hub_does_not_read_are_dropped_and_counted(workers, tmp_path):
    reached = tmp_path / "reached"
    hub = await workers.start(f"""
        from pathlib import Path

        @function
        def story():
            for number in range(3000):
                print(number, "." * 1000)
            Path({str(reached)!r}).touch()
            return "done"
    """)
    await _until(reached.exists)  # although nobody reads
    assert hub.result() == "done"
    assert 0 < len(hub.lines()) < 3000
    assert [line[:4] for line in hub.lines()[:3]] == ["0 ..", "1 ..", "2 .."]


@pytest.mark.parametrize(
    ("value", "result"), [("{'a': [1, 2.5, None]}", {"a": [1, 2.5, None]}), ("None", None), ("'x' * 30_000", None)]
)
async def test_a_result_is_json_where_json_can_hold_it(workers, value, result):
    hub = await workers.start(f"@function\ndef story(): return {value}")
    assert hub.result() == result


async def test_a_result_that_json_cannot_hold_is_shown(workers):
    hub = await workers.start("@function\ndef story(): return 1 + 2j")
    frame = hub.expect(link.Returned)
    assert (frame.result, frame.shown) == (None, "(1+2j)")


async def test_a_result_that_cannot_even_be_shown_is_a_result(workers):
    hub = await workers.start("""
        class Odd:
            def __repr__(self): raise SystemExit

        @function
        def story(): return Odd()
    """)
    frame = hub.expect(link.Returned)
    assert frame.result is None
    assert "Odd" in frame.shown


async def test_a_failure_shows_the_authors_own_lines_and_none_of_ours(workers):
    hub = await workers.start("""
        def halve(number):
            return number / 0

        @function
        def story():
            try:
                halve(1)
            except ZeroDivisionError as error:
                raise RuntimeError("no half") from error
    """)
    raised = hub.expect(link.Raised)
    assert raised.error == "RuntimeError: no half"
    assert raised.traceback.splitlines() == [
        "Traceback (most recent call last):",
        '  File "story.py", line 8, in story',
        "    halve(1)",
        '  File "story.py", line 3, in halve',
        "    return number / 0",
        "ZeroDivisionError: division by zero",
        "",
        "After which, or because of which:",
        "",
        "Traceback (most recent call last):",
        '  File "story.py", line 10, in story',
        '    raise RuntimeError("no half") from error',
        "RuntimeError: no half",
    ]


async def test_a_failure_after_a_restore_shows_the_same_lines(workers):
    hub = await workers.start("""
        def ask():
            message = ctx.next()
            return 1 / message.number()

        @function
        def story():
            ctx.subscribe("a")
            return ask()
    """)
    hub.grant()
    hub.expect(link.Pull)
    other = await workers.go_on(hub.capture(hold=True), subscriptions={1: ["a"]})
    other.expect(link.Pull)
    other.deliver("a", "0")
    raised = other.expect(link.Raised)
    assert [line for line in raised.traceback.splitlines() if "File" in line] == [
        '  File "story.py", line 9, in story',
        '  File "story.py", line 4, in ask',
    ]


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise BaseException('odd')", "BaseException: odd"),
        ("raise ExceptionGroup('two', [ValueError(1), TypeError(2)])", "ExceptionGroup: two (2 sub-exceptions)"),
        ("story()", "RecursionError: maximum recursion depth exceeded"),
    ],
)
async def test_whatever_the_function_raises_is_a_failure_with_its_name(workers, statement, error):
    hub = await workers.start(f"@function\ndef story():\n    {statement}")
    raised = hub.expect(link.Raised)
    assert raised.error.startswith(error)
    assert "story.py" in raised.traceback
    assert len(raised.traceback) < 20_000


async def test_after_the_end_the_worker_waits_until_the_hub_has_read_it(workers):
    hub = await workers.start("@function\ndef story(): return 1")
    ended = []
    workers.spawner.exits = lambda _, status: ended.append(status)
    assert hub.result() == 1
    hub.send(link.Durable(number=1, checkpoint="c", sequence=0))  # somebody still reads
    hub.worker.connection.close()
    await _until(lambda: ended)
    assert ended == [0]


@pytest.mark.parametrize(
    ("text", "slug", "place"),
    [
        ("def story(: pass", "source", "story.py:2"),
        ("import no_such_module", "source", "story.py:2"),
        ("x = 1 / 0", "source", "story.py:2"),
        ("import sys; sys.exit(1)", "source", "story.py:2"),
    ],
)
async def test_a_file_that_cannot_be_loaded_is_answered_with_file_and_line(workers, text, slug, place):
    hub = await workers.ready()
    hub.send(link.Load(module="story", files={"story.py": FRONT_DOOR + text}))
    ready = hub.expect(link.Ready)
    assert (ready.loaded, ready.error["slug"], ready.error["place"]) == (False, slug, place)


@pytest.mark.parametrize("image", [b"", b"\xff", b"\xa0", b"\x80" * 1000])
async def test_an_image_that_is_none_is_answered_and_the_worker_takes_another(workers, image):
    hub = await workers.ready()
    hub.load("@function\ndef story(): return 1")
    hub.send(link.Begin(instance="story", hub="a", epoch=1, timezone="UTC", function="story", image=image))
    assert hub.expect(link.Ready).error
    hub.begin()
    assert hub.result() == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"function": "other"}, "other"),
        ({"timezone": "Europe/Nowhere"}, "Europe/Nowhere"),
        ({"arguments": {"plug": 1}}, "plug"),
    ],
)
async def test_a_beginning_that_cannot_be_is_answered_with_the_reason(workers, fields, words):
    hub = await workers.ready()
    hub.load("@function\ndef story(): return 1")
    begin = {"instance": "story", "hub": "a", "epoch": 1, "timezone": "UTC", "function": "story", **fields}
    hub.send(link.Begin(**begin))
    frame = hub.expect(link.Ready | link.Raised | link.Started)
    if isinstance(frame, link.Started):
        frame = hub.expect(link.Raised)
    assert words in str(frame.error)


async def test_code_at_the_top_of_a_file_that_uses_ctx_is_told_where_ctx_works(workers):
    hub = await workers.ready()
    hub.send(link.Load(module="story", files={"story.py": FRONT_DOOR + "heard = ctx.subscribe('a')"}))
    error = hub.expect(link.Ready).error
    assert "inside of a running @function" in error["message"]


async def test_modules_beside_the_file_travel_too(workers):
    hub = await workers.ready()
    files = {
        "story.py": FRONT_DOOR + "import helper\n@function\ndef story():\n    return helper.ask()\n",
        "helper.py": "from midstream import ctx\ndef ask():\n    got = ctx.next()\n    return [got.text, ctx.hub]\n",
    }
    hub.send(link.Load(module="story", files=files))
    assert hub.expect(link.Ready).loaded
    hub.begin()
    hub.expect(link.Pull)
    captured = hub.capture(hold=True)
    assert captured.line == "helper.py:3"
    other = await workers.ready("hub-b")
    other.send(link.Load(module="story", files=files))
    assert other.expect(link.Ready).loaded
    other.begin(image=captured.image, subscriptions={1: ["a"]})
    other.expect(link.Pull)
    other.deliver("a", "hello")
    assert other.result() == ["hello", "hub-b"]


@pytest.mark.parametrize("data", [b"\xff\xff\xff\xff", b"\x00\x00\x00\x01\xc1", b"\x00\x00\x00\x05hello"])
async def test_a_worker_that_is_sent_nonsense_ends_without_running_on(workers, data):
    ended = []
    workers.spawner.exits = lambda _, status: ended.append(status)
    hub = await workers.start(
        "@function\ndef story():\n    try:\n        ctx.next()\n    finally:\n        print('ran on')"
    )
    hub.expect(link.Pull)
    hub.worker.connection.sendall(data)
    with pytest.raises(EOFError):
        hub.expect(link.Log)
    assert hub.lines() == []
    await _until(lambda: ended)
    assert ended == [1]


async def test_a_worker_whose_hub_goes_ends_without_running_on(workers):
    ended = []
    workers.spawner.exits = lambda pid, status: ended.append((pid, status))
    hub = await workers.start("@function\ndef story():\n    while True:\n        pass")
    hub.worker.connection.close()
    await _until(lambda: ended)
    assert ended == [(hub.worker.pid, 0)]


async def _until(condition) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


async def test_a_crash_in_c_is_reported_with_its_signal(workers):
    ended = []
    workers.spawner.exits = lambda _, status: ended.append(status)
    hub = await workers.start("""
        import ctypes

        @function
        def story():
            ctypes.string_at(0)
    """)
    with pytest.raises(EOFError):
        hub.frame()
    await _until(lambda: ended)
    assert ended == [-signal.SIGSEGV]


async def test_a_process_that_the_function_forks_has_no_part_in_its_link(workers):
    hub = await workers.start("""
        import os, time

        @function
        def story():
            print("before")
            child = os.fork()
            if not child:
                print("of the child")
                try:
                    ctx.now()
                except Exception:
                    time.sleep(0.01)
                    os._exit(7)
                os._exit(8)
            _, status = os.waitpid(child, 0)
            print("after")
            return os.waitstatus_to_exitcode(status)
    """)
    assert hub.result() == 7
    assert hub.lines() == ["before", "after"]


async def test_a_thread_of_the_functions_is_told_that_ctx_is_not_for_it(workers):
    hub = await workers.start("""
        import threading, time

        @function
        def story():
            told = []

            def aside():
                time.sleep(0.001)
                try:
                    ctx.now()
                except Exception as error:
                    told.append(str(error).splitlines()[0])

            thread = threading.Thread(target=aside)
            thread.start()
            thread.join()
            return told
    """)
    assert hub.result() == ["ctx was used in a thread that the function has started"]


async def test_a_worker_has_nothing_of_its_parent_but_the_link(workers):
    os.environ["MIDSTREAM_PASSWORD"] = "secret"
    try:
        hubs = [
            await workers.start("""
                import os, random, signal

                @function
                def story():
                    open_files = sorted(int(name) for name in os.listdir("/proc/self/fd"))
                    return [
                        open_files, random.random(), [name for name in os.environ if name.startswith("MIDSTREAM")],
                        signal.getsignal(signal.SIGINT) == signal.SIG_DFL, os.getsid(0) == os.getpid(),
                        int(open("/proc/self/oom_score_adj").read()), os.popen("ls /proc/self/fd").read().split(),
                    ]
            """)
            for _ in range(2)
        ]
    finally:
        del os.environ["MIDSTREAM_PASSWORD"]
    first, second = (hub.result() for hub in hubs)
    assert len(first[0]) == 5  # standard input, output, error, the link, and the folder that is being listed
    assert first[1] != second[1]
    assert first[2] == []
    assert first[3:5] == [True, True]
    assert first[5] >= 300
    assert len(first[6]) == 4  # a program that the function runs has the three and its own folder


async def test_an_image_of_many_megabytes_travels_as_one_frame(workers):
    hub = await workers.start("""
        import random

        @function
        def story():
            data = random.Random(7).randbytes(5_000_000)
            ctx.next()
            return [len(data), sum(data[::1000])]
    """)
    hub.expect(link.Pull)
    captured = hub.capture(hold=True)
    assert len(captured.image) > 5_000_000
    results = []
    for each in (hub, await workers.go_on(captured)):
        if each is hub:
            hub.send(link.GoOn(number=1))
        else:
            each.expect(link.Pull)
        each.deliver()
        results.append(each.result())
    assert results[0] == results[1]
