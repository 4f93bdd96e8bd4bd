"""The life of a worker around the function's: loading, beginning, ending, and what else runs in its process."""

from __future__ import annotations

import os
import signal

import pytest
from scripted_agent import FRONT_DOOR, until

from devices.protocol import link


async def test_after_the_end_the_worker_waits_until_the_hub_has_read_it(workers):
    hub = await workers.start("@function\ndef story(): return 1")
    ended = []
    workers.spawner.exits = lambda _, status: ended.append(status)
    assert hub.result() == 1
    hub.send(link.Durable(number=1, checkpoint="c", sequence=0))  # somebody still reads
    hub.worker.connection.close()
    await until(lambda: ended)
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
    await until(lambda: ended)
    assert ended == [1]


async def test_a_worker_whose_hub_goes_ends_without_running_on(workers):
    ended = []
    workers.spawner.exits = lambda pid, status: ended.append((pid, status))
    hub = await workers.start("@function\ndef story():\n    while True:\n        pass")
    hub.worker.connection.close()
    await until(lambda: ended)
    assert ended == [(hub.worker.pid, 0)]


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
    await until(lambda: ended)
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


async def test_a_worker_has_nothing_of_its_parent_but_link_and_hatch(workers):
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
    assert len(first[0]) == 6  # standard input, output, error, link and hatch, and the folder that is being listed
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
