"""The state of a function that goes on, encoded by a copy of its process."""

from __future__ import annotations

import os
import signal
import time

import pytest
from process_copies import copies, copy_of, wait_until_gone
from scripted_agent import PATIENCE

from devices.protocol import link

LARGE = """
    import random, signal

    def step(table, number):
        table[number % 1000] = number
        return number % 7

    @function
    def story(size: int = 60_000, count: int = 200_000):
        seen = []
        signal.signal(signal.SIGCHLD, lambda *_: seen.append("a child"))
        random.seed(4)
        table = {number: f"value {number}" for number in range(size)}
        total = 0
        print("computing")
        for number in range(count):
            total += step(table, number)
        print("computed")
        while ctx.next().payload != b"end":
            pass
        return [total, len(table), table[999], random.random(), seen]
"""


def end(hub) -> object:
    hub.deliver(payload="end")
    return hub.result()


async def waiting(workers, **fields):
    """A worker that has computed, and waits."""
    hub = await workers.start(LARGE, **fields)
    hub.completes = False
    while not isinstance(frame := hub.frame(), link.Pull):
        assert isinstance(frame, link.Log)
    return hub


async def test_the_image_of_a_large_state_is_made_while_the_function_goes_on(workers):
    hub = await workers.start(LARGE)
    hub.completes = False
    hub.expect(link.Log)
    captured = hub.capture()
    assert captured.image == b""
    captured = hub.completed(captured)
    hub.expect(link.Pull)
    result = end(hub)
    assert result[-1] == []
    other = await workers.go_on(captured)
    other.expect(link.Pull)
    assert end(other) == result


async def test_it_is_the_image_that_is_made_in_place(workers):
    hub = await workers.start("""
        import itertools, random
        from collections import deque

        class Reading:
            def __init__(self, value):
                self.value, self.seen = value, {value}

        @function
        def story():
            random.seed(4)
            readings = {number: Reading(number) for number in range(20_000)}
            last = deque(readings.values(), maxlen=10)
            numbers = itertools.count(7)
            drawn = [random.random() for _ in readings]
            ctx.sleep("1h")
            return readings, last, numbers, drawn
    """)
    hub.completes = False
    while not isinstance(hub.frame(), link.Sleeping):
        pass
    beside = hub.capture(1)
    in_place = hub.capture(2, hold=True)
    assert beside.image == b""
    beside = hub.completed(beside)
    assert beside.image == in_place.image
    fields = ("line", "statement", "frames", "variables", "sequence", "delivered")
    assert [getattr(beside, name) for name in fields] == [getattr(in_place, name) for name in fields]


async def test_a_small_state_is_encoded_where_it_is(workers):
    hub = await workers.start("""
        @function
        def story():
            ctx.next()
    """)
    hub.completes = False
    hub.expect(link.Pull)
    assert all(hub.capture(number).image for number in range(1, 4))


async def test_another_checkpoint_while_a_copy_is_at_work_is_made_in_place(workers):
    hub = await waiting(workers)
    first = hub.capture(1)
    os.kill(copy_of(hub.worker.pid), signal.SIGSTOP)
    second = hub.capture(2)
    assert second.image
    os.kill(copy_of(hub.worker.pid), signal.SIGCONT)
    assert hub.completed(first).image
    other = await workers.go_on(second)
    other.expect(link.Pull)
    assert end(other)[:4] == end(hub)[:4]  # it was told of the stop and the going on, as of those of any child


async def test_a_function_is_held_for_a_move_while_a_copy_is_at_work(workers):
    hub = await waiting(workers)
    assert hub.capture(1).image == b""
    os.kill(copy_of(hub.worker.pid), signal.SIGSTOP)
    moved = hub.capture(2, hold=True)
    other = await workers.go_on(moved)
    other.expect(link.Pull)
    assert end(other)[0] > 0


async def test_a_copy_that_is_killed_ends_its_stream_and_the_next_image_is_made_in_place(workers):
    hub = await waiting(workers)
    assert hub.capture(1).image == b""
    with hub.stream() as stream:
        copy = copy_of(hub.worker.pid)
        os.kill(copy, signal.SIGKILL)
        while stream.recv(1 << 20):
            pass
    wait_until_gone(copy)
    assert hub.capture(2).image
    assert not hub.capture(3).image  # for that one was large
    assert end(hub)[0] > 0


async def test_a_copy_that_takes_too_long_ends_by_itself(workers):
    hub = await waiting(workers)
    hub.send(link.Capture(number=1, hold=False, encoding=0.001))
    assert hub.expect(link.Captured).image == b""
    with hub.stream() as stream, stream.makefile("rb") as file:
        assert file.read() == b""
    assert end(hub)[0] > 0


async def test_a_copy_that_cannot_even_end_is_ended_at_the_next_checkpoint(workers):
    hub = await waiting(workers)
    hub.send(link.Capture(number=1, hold=False, encoding=0.05))
    assert hub.expect(link.Captured).image == b""
    copy = copy_of(hub.worker.pid)
    os.kill(copy, signal.SIGSTOP)
    deadline = time.monotonic() + PATIENCE
    while copies(hub.worker.pid):
        assert hub.capture(2).image
        assert time.monotonic() < deadline
    assert end(hub)[0] > 0


async def test_a_copy_dies_with_the_process_that_it_is_of(workers):
    hub = await waiting(workers)
    assert hub.capture(1).image == b""
    copy = copy_of(hub.worker.pid)
    os.kill(copy, signal.SIGSTOP)
    hub.worker.send_signal(signal.SIGKILL)
    wait_until_gone(copy)
    with hub.stream() as stream:
        assert stream.recv(1) == b""


async def test_a_function_that_ends_while_a_copy_is_at_work_has_ended(workers):
    hub = await waiting(workers)
    captured = hub.capture(1)
    os.kill(copy := copy_of(hub.worker.pid), signal.SIGSTOP)
    assert end(hub)[0] > 0
    os.kill(copy, signal.SIGCONT)
    assert hub.completed(captured).image  # it was taken; whether it is of use is the hub's business


async def test_a_function_that_raises_while_a_copy_is_at_work_has_failed(workers):
    hub = await workers.start("""
        @function
        def story():
            table = {number: str(number) for number in range(60_000)}
            ctx.next()
            raise ValueError(len(table))
    """)
    hub.completes = False
    hub.expect(link.Pull)
    assert hub.capture(1).image == b""
    os.kill(copy_of(hub.worker.pid), signal.SIGSTOP)
    hub.deliver()
    assert hub.expect(link.Raised).error == "ValueError: 60000"


async def test_a_value_of_a_large_state_that_cannot_travel_is_told_through_the_hatch(workers):
    hub = await workers.start("""
        import socket

        @function
        def story():
            table = {number: str(number) for number in range(60_000)}
            line = {"lines": [socket.socket()]}
            ctx.next()
            return len(table), len(line)
    """)
    hub.completes = False
    hub.expect(link.Pull)
    captured = hub.capture(1)
    assert captured.image == b""
    refusal = hub.completed(captured)
    assert refusal.error["place"] == "story(): line 8: line['lines'][0]"
    assert end(hub) == [60_000, 1]


async def test_a_copy_runs_nothing_of_the_functions(workers, tmp_path):
    hub = await workers.start(f"""
        import os, signal, subprocess

        def note(*_):
            with open({str(tmp_path / "noted")!r}, "a") as file:
                file.write(f"{{os.getpid()}} ")

        class Noting:
            def __del__(self):
                note()

        @function
        def story():
            table = {{number: str(number) for number in range(60_000)}}
            os.register_at_fork(before=note, after_in_parent=note, after_in_child=note)
            signal.signal(signal.SIGCHLD, note)
            held = Noting()
            ctx.next()
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                return [len(table), held is not None]
    """)
    hub.completes = False
    hub.expect(link.Pull)
    captured = hub.capture(1)
    assert captured.image == b""
    assert hub.completed(captured).image
    assert not (tmp_path / "noted").exists()
    assert end(hub) == [60_000, True]


@pytest.mark.parametrize("lines", [1, 3])
async def test_what_a_copy_inherits_is_closed_in_it(workers, lines):
    hub = await workers.start(f"""
        import os

        @function
        def story():
            table = {{number: str(number) for number in range(60_000)}}
            pipes = [os.pipe() for _ in range({lines})]
            ctx.next()
            ends = []
            for read, write in pipes:
                os.close(write)
                ends.append(os.read(read, 1) == b"")
            return len(table), ends
    """)
    hub.completes = False
    hub.expect(link.Pull)
    assert hub.capture(1).image == b""
    os.kill(copy_of(hub.worker.pid), signal.SIGSTOP)
    assert end(hub) == [60_000, [True] * lines]


async def test_a_function_with_an_open_file_is_captured_in_place_for_its_position_is_the_systems(workers, tmp_path):
    (tmp_path / "lines").write_text("one\ntwo\n")
    hub = await workers.start(f"""
        @function
        def story():
            table = {{number: str(number) for number in range(60_000)}}
            with ctx.open({str(tmp_path / "lines")!r}) as lines:
                next(lines)
                ctx.next()
                read = next(lines)
            ctx.next()
            return len(table), read
    """)
    hub.completes = False
    hub.expect(link.Pull)
    assert hub.capture(1).image
    hub.deliver()
    hub.expect(link.Pull)
    assert hub.capture(2).image == b""
    assert end(hub) == [60_000, "two\n"]
