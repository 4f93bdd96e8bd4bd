"""A function's end is told until the coordinator has it, and its last outputs leave only then.

The end is durable here first. A broker's acknowledgement says nothing of the coordinator's disk: one that was away, or
lost its queue, would take the function for lost and start it again from its last checkpoint, and what it did at its end
would be done twice.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

from devices.protocol import limits
from devices.protocol.messages import Ended

if TYPE_CHECKING:
    from devices.hub.life import Life

_LINES: Final = 20
"""Lines of the function's log that go with its end."""
_BYTES: Final = 8 * limits.KIB
"""Bytes of them all."""


async def deliver(life: Life, told: Ended) -> None:
    """Tells an end that is durable here, and does what waited for it.

    Args:
        life: of the instance that has ended.
        told: what the coordinator is to know.
    """
    instance = life.instance
    if instance.settings.durability == "spool":
        await asyncio.gather(_until_noted(life, told), life.let_last_outputs_go())
    else:
        await _until_noted(life, told)
        await life.let_last_outputs_go()


async def _until_noted(life: Life, told: Ended) -> None:
    """Tells it until the coordinator has it in its store, while there is one; no time-out decides."""
    hub, is_told = life.instance.hub, False
    while not life.end_noted.is_set():
        if not is_told or hub.claims.coordinator_is_there:  # else each copy waits in the broker's queue
            await hub.control.answer(told)
            is_told = True
        if not hub.claims.coordinator_notes_ends:
            return  # an older coordinator: the broker's word is all there is
        try:
            async with asyncio.timeout(limits.VERDICT):
                await life.end_noted.wait()
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
