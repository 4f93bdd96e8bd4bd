"""The warm parent: forks, reports deaths, survives nonsense, dies with its agent."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import textwrap
import time
from pathlib import Path

import pytest
from scripted_agent import FRONT_DOOR, PATIENCE, ScriptedHub

from devices.errors import MidstreamError
from devices.protocol import link
from devices.runtime import spare
from devices.runtime.leases import boottime
from devices.runtime.source import Source
from devices.runtime.spawner_client import Spawner


async def until(condition, what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen within {PATIENCE} s"
        await asyncio.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def deaths() -> list[tuple[int, int]]:
    return []


@pytest.fixture
async def spawner(deaths):
    async with Spawner(lambda pid, status: deaths.append((pid, status))) as running:
        yield running


async def test_a_death_is_reported_with_its_signal_or_status(spawner, deaths):
    killed, left = [await spawner.fork() for _ in range(2)]
    assert killed.send_signal(signal.SIGKILL)
    await until(lambda: deaths, "the report")
    assert deaths == [(killed.pid, -signal.SIGKILL)]
    left.connection.close()
    await until(lambda: len(deaths) == 2, "the report")
    assert deaths[1] == (left.pid, 0)
    assert not killed.send_signal(signal.SIGKILL)
    for worker in (killed, left):
        worker.close()


async def test_many_workers_at_once_are_told_apart(spawner, deaths):
    made = await asyncio.gather(*(spawner.fork() for _ in range(12)))
    assert len({worker.pid for worker in made}) == 12
    for worker in made:
        worker.close()
    await until(lambda: len(deaths) == 12, "all reports")


async def test_a_request_that_is_none_is_survived(spawner):
    spawner._socket.send(b"\xc1 nonsense")
    spawner._socket.send(b"\x81")
    worker = await spawner.fork()
    assert alive(worker.pid)
    worker.close()


async def test_a_request_with_too_few_or_too_many_descriptors_is_refused(spawner):
    import msgspec

    from devices.runtime.spawning import Fork

    for number, descriptors in ((501, []), (502, [0, 1, 2])):
        answer = spawner._requests[number] = asyncio.get_running_loop().create_future()
        socket.send_fds(spawner._socket, [msgspec.msgpack.encode(Fork(number))], descriptors)
        with pytest.raises(MidstreamError, match="descriptors"):
            await asyncio.wait_for(answer, PATIENCE)


async def test_a_fork_that_nobody_waits_for_any_more_leaves_no_process(spawner, deaths):
    task = asyncio.create_task(spawner.fork())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: deaths, "the worker's end")
    assert deaths[0][1] == 0


async def test_when_the_warm_parent_dies_its_workers_die_and_the_next_fork_starts_another(spawner, deaths):
    worker = await spawner.fork()
    os.kill(spawner._process.pid, signal.SIGKILL)
    await until(lambda: deaths, "the report")
    assert deaths == [(worker.pid, -signal.SIGKILL)]
    await until(lambda: not alive(worker.pid), "the worker's death")
    worker.close()
    another = await spawner.fork()
    assert alive(another.pid)
    another.close()


async def test_leaving_it_ends_everything():
    async with Spawner() as spawner:
        worker = await spawner.fork()
        parent = spawner._process.pid
    await until(lambda: not alive(worker.pid) and not alive(parent), "their end")
    worker.close()


AGENT = """
    import asyncio, os, sys
    from devices.runtime.spawner_client import Spawner

    async def main():
        async with Spawner() as spawner:
            workers = [await spawner.fork() for _ in range(3)]
            os.kill(workers[0].pid, 19)  # one is stopped: it cannot end by itself
            print(spawner._process.pid, *(worker.pid for worker in workers), flush=True)
            await asyncio.Event().wait()

    asyncio.run(main())
"""


async def test_the_agents_sudden_death_leaves_no_orphan():
    agent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(AGENT), stdout=asyncio.subprocess.PIPE
    )
    pids = [int(word) for word in (await asyncio.wait_for(agent.stdout.readline(), PATIENCE)).split()]
    assert len(pids) == 4
    assert all(alive(pid) for pid in pids)
    agent.kill()
    await agent.communicate()
    await until(lambda: not any(alive(pid) for pid in pids), "the end of all")


async def test_a_worker_whose_lease_runs_out_is_stopped_until_it_is_let_go_on_with_a_new_one(spawner):
    def state(worker) -> str:
        return Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()[0]

    stopped: list[int] = []
    spawner.stops = stopped.append
    leased, free = [await spawner.fork() for _ in range(2)]
    spawner.renew({leased.pid: boottime() + 3600})
    spawner.renew({leased.pid: boottime() + 0.2, 1: boottime()})  # what is no child of it is nobody's business
    await until(lambda: stopped, "the notice")
    assert (stopped, state(leased)) == ([leased.pid], "T")
    spawner.renew({leased.pid: boottime() + 3600})
    leased.send_signal(signal.SIGCONT)
    await until(lambda: state(leased) != "T", "going on")
    spawner.renew({leased.pid: boottime() - 1})
    await until(lambda: len(stopped) == 2, "the second notice")
    assert state(free) != "T"
    for worker in (leased, free):
        worker.close()


async def test_the_warm_parent_sleeps_when_nothing_is_to_be_done(spawner):
    worker = await spawner.fork()

    def spent() -> int:
        return sum(
            int(number)
            for pid in (spawner._process.pid, worker.pid)
            for number in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        )

    worker.connection.recv(4096)  # it is up
    await until(lambda: len(_children(spawner)) == 2, "a worker forked ahead")
    await until(lambda: "\nState:\tS" in Path(f"/proc/{worker.pid}/status").read_text(), "its wait")
    before = spent()
    switched = _switches(worker.pid)
    await asyncio.sleep(0.5)  # a span in which nothing happens: that is what is observed
    assert spent() - before <= 1
    assert _switches(worker.pid) - switched <= 1
    worker.close()


def _switches(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)


def _children(spawner) -> list[int]:
    pid = spawner._process.pid
    return [int(number) for number in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def _forked_ahead(spawner) -> int:
    """Returns the process that waits to become a worker."""

    def waits() -> bool:
        names = {pid: Path(f"/proc/{pid}/comm").read_text().strip() for pid in _children(spawner)}
        ahead.extend(pid for pid, name in names.items() if name == spare.NAME)
        return bool(ahead)

    ahead: list[int] = []
    await until(waits, "a worker forked ahead")
    return ahead[0]


async def test_a_worker_is_forked_ahead_and_taken_by_the_next_function(spawner):
    ahead = await _forked_ahead(spawner)
    worker = await spawner.fork()
    assert worker.pid == ahead
    worker.connection.recv(4096)
    assert Path(f"/proc/{ahead}/comm").read_text().strip() == "midstream"
    assert len(list(Path(f"/proc/{ahead}/fd").iterdir())) == 5  # standard ones, link, hatch
    assert await _forked_ahead(spawner) != ahead
    worker.close()


async def test_a_worker_forked_ahead_that_dies_is_no_ones_loss(spawner, deaths):
    ahead = await _forked_ahead(spawner)
    os.kill(ahead, signal.SIGKILL)
    await until(lambda: not alive(ahead), "its death")
    worker = await spawner.fork()
    assert worker.pid != ahead
    worker.connection.recv(4096)
    worker.close()
    await until(lambda: deaths, "the report of the worker's death")
    assert deaths[0][0] == worker.pid


async def test_a_worker_forked_ahead_dies_with_its_parent():
    async with Spawner() as spawner:
        ahead = await _forked_ahead(spawner)
    await until(lambda: not alive(ahead), "its death")


LOOKS = """
from devices.runtime.python import module

def story():
    return [digest.hex() for digest in module._made]
"""


async def test_code_that_was_learned_is_there_in_workers_to_come(spawner):
    source = Source("other", {"other.py": "def other():\n    return [1 for _ in range(3)]\n"})
    before = await spawner.fork()
    unlearned = await _forked_ahead(spawner)
    spawner.learn(source)
    await until(lambda: not alive(unlearned), "the end of the one forked before")
    found = []
    for worker in (before, await spawner.fork()):
        hub = ScriptedHub(worker)
        hub.expect(link.Ready)
        hub.send(link.Load(module="story", files={"story.py": LOOKS}))
        assert hub.expect(link.Ready).loaded
        hub.begin()
        found.append(source.digest.hex() in hub.result())
        worker.close()
    assert found == [False, True]


WAITS = """
@function
def story():
    return ctx.next().text
"""


async def test_what_a_resumption_had_to_compile_is_there_when_the_function_goes_on_from_there_again(workers):
    running = await workers.start(WAITS)
    assert running.started.rests == b""
    running.expect(link.Pull)
    image = running.capture()
    first = await workers.go_on(image)
    assert first.started.rests
    source = Source("story", {"story.py": FRONT_DOOR + textwrap.dedent(WAITS).lstrip("\n")})
    workers.spawner.learn(source, first.started.rests)
    second = await workers.go_on(image)
    assert second.started.rests == b""
    for hub in (first, second):
        hub.expect(link.Pull)


async def test_a_lesson_that_cannot_be_learned_costs_nothing_but_a_line(capfd):
    async with Spawner() as spawner:
        spawner.learn(Source("story", {"story.py": "def story(:\n"}))
        worker = await spawner.fork()
        worker.close()
    assert "a function's code was not learned: SourceError" in capfd.readouterr().err
