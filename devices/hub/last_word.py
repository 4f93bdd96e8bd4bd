"""A function's end is told until the coordinator has it, and its last outputs leave only then.

The end is durable here first. A broker's acknowledgement says nothing of the coordinator's disk: one that was away, or
lost its queue, would take the function for lost and start it again from its last checkpoint, and what it did at its end
would be done twice.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, Protocol

from devices.hub.instance import Instance
from devices.protocol import limits
from devices.protocol.answers import Ended

_LINES: Final = 20
"""Lines of the function's log that go with its end."""
_BYTES: Final = 8 * limits.KIB
"""Bytes of them all."""


class LetLastOutputsGo(Protocol):
    """Publishes what is left of a function that has ended."""

    async def __call__(self, *, finished: bool) -> None:
        """Does so; returns when the broker has it."""


async def deliver(instance: Instance, told: Ended, noted: asyncio.Event, let_last_outputs_go: LetLastOutputsGo) -> None:
    """Tells an end that is durable here, and does what waited for it.

    Args:
        instance: which has ended.
        told: what the coordinator is to know.
        noted: set when it has said that it does.
        let_last_outputs_go: publishes all that is left, and acknowledges the inputs of what has finished.
    """
    finished = told.state == "finished"
    if instance.settings.durability == "spool":
        await asyncio.gather(_until_noted(instance, told, noted), let_last_outputs_go(finished=finished))
    else:
        await _until_noted(instance, told, noted)
        await let_last_outputs_go(finished=finished)


async def _until_noted(instance: Instance, told: Ended, noted: asyncio.Event) -> None:
    """Tells it until the coordinator has it in its store, while there is one; no time-out decides."""
    hub, is_told = instance.hub, False
    while not noted.is_set():
        if not is_told or hub.claims.coordinator_is_there:  # else each copy waits in the broker's queue
            await hub.control.answer(told)
            is_told = True
        if not hub.claims.coordinator_notes_ends:
            return  # an older coordinator: the broker's word is all there is
        try:
            async with asyncio.timeout(limits.VERDICT):
                await noted.wait()
        except TimeoutError:
            continue


def newest(lines: deque[dict[str, str]]) -> list[dict[str, str]]:
    """Returns the newest lines of a log that go with an end, oldest first."""
    room, fitting = _BYTES, deque[dict[str, str]]()
    for line in reversed(lines):
        room -= len(line["text"].encode()) + 100
        if room < 0:
            break
        fitting.appendleft(line)
    return list(fitting)


def recent_lines() -> deque[dict[str, str]]:
    """Returns where the newest lines of a log are remembered."""
    return deque(maxlen=_LINES)
