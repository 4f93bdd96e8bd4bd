"""A child never outlives its parent, and its complaint is told as ours."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from coordinator.cli.children import Child
from coordinator.cli.running import beside

DEADLINE = 30.0


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def broker_child(folder: Path) -> Child:
    arguments = ("broker", "--port", "0", "--folder", str(folder / "broker"))
    return Child("the broker", arguments, folder / "broker.log", {})


async def until_it_speaks(child: Child) -> None:
    async with asyncio.timeout(DEADLINE):
        while "listens at" not in child.log.read_text():
            assert not child.ended.is_set(), child.log.read_text()
            await asyncio.sleep(0.02)


async def test_a_child_that_is_stopped_ends_in_order_with_its_own_children(tmp_path: Path) -> None:
    child = broker_child(tmp_path)
    child.start()
    await until_it_speaks(child)
    own = [int(pid) for pid in Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()]
    assert own
    await child.stop()
    assert not child.running
    assert not any(map(alive, (child.pid, *own)))
    await child.stop()


async def test_a_child_that_dies_tells_its_own_sentence(tmp_path: Path) -> None:
    child = Child("the broker", ("broker", "--port", "1"), tmp_path / "log", {})
    if os.geteuid() == 0:
        child = Child("the broker", ("broker", "--nonsense"), tmp_path / "log", {})
    child.start()
    await asyncio.wait_for(child.ended.wait(), DEADLINE)
    error = child.error()
    assert error.place == "the broker"
    assert "Traceback" not in str(error)
    assert error.message
    assert error.remedy


async def test_a_child_that_is_killed_says_by_which_signal(tmp_path: Path) -> None:
    child = broker_child(tmp_path)
    child.start()
    await until_it_speaks(child)
    os.kill(child.pid, signal.SIGKILL)
    await asyncio.wait_for(child.ended.wait(), DEADLINE)
    assert "signal 9" in child.error().message


def test_children_of_a_killed_parent_end(tmp_path: Path) -> None:
    script = f"""
import asyncio, pathlib
from coordinator.cli.children import Child
async def main():
    folder = pathlib.Path({str(tmp_path)!r})
    child = Child("the broker", ("broker", "--port", "0", "--folder", str(folder)), folder / "log", {{}})
    child.start()
    while "listens at" not in (folder / "log").read_text():
        await asyncio.sleep(0.02)
    print(child.pid, flush=True)
    await asyncio.sleep(3600)
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + DEADLINE
    while alive(pid):
        assert time.monotonic() < deadline, "the child outlives its parent"
        time.sleep(0.02)


async def test_what_runs_beside_the_main_thing_ends_with_it_and_fails_for_it() -> None:
    ended = []

    async def other() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append("other")

    async def main() -> int:
        await asyncio.sleep(0)
        return 7

    async def failing() -> None:
        raise ValueError("beside")

    assert await beside(main(), other()) == 7
    assert ended == ["other"]
    with pytest.raises(ValueError, match="beside"):
        await beside(asyncio.sleep(3600), failing())
