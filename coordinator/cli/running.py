"""Runs one coroutine as a program: the end by Ctrl-C, by SIGTERM or by a closed terminal goes through its clean-up."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")

TERMINATED: Final = 128 + signal.SIGTERM
_ENDING: Final = (signal.SIGTERM, signal.SIGHUP)


def run_to_the_end(main: Coroutine[Any, Any, int]) -> int:
    """Runs ``main`` and returns its exit status; 128 plus the signal's number if a signal ended it.

    A signal cancels ``main``, whose ``finally`` blocks then run. A second Ctrl-C does not wait for them; children die
    with us all the same (see `children.py`).
    """
    return asyncio.run(_signalled(main))


async def _signalled(main: Coroutine[Any, Any, int]) -> int:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    received: list[signal.Signals] = []

    def end(number: signal.Signals) -> None:
        received.append(number)
        task.cancel()

    for number in _ENDING:
        loop.add_signal_handler(number, end, number)
    try:
        return await main
    except asyncio.CancelledError:
        if not received:
            raise
        return 128 + received[0]


async def beside(main: Coroutine[Any, Any, T], *others: Coroutine[Any, Any, object]) -> T:
    """Runs ``main`` with others beside it: what one raises ends all, and the end of ``main`` ends the others.

    Raises:
        Exception: whatever the first of them raised.
    """
    first = asyncio.create_task(main)
    tasks: list[asyncio.Task[Any]] = [first, *(asyncio.create_task(other) for other in others)]
    try:
        while not first.done():
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {first}:
                task.result()
                tasks.remove(task)
        return first.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
