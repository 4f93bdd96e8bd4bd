"""A hub that stops: what runs here is held behind a last checkpoint, as far as time allows, and what is not saved is said.

First everything goes into the spool: that alone survives a power cut, and this hub goes on from it. Then the coordinator
is given some time to store it: from there any other hub can go on. Nobody is kept waiting for a coordinator that is away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from devices.errors import MidstreamError
from devices.hub.life import Life
from devices.hub.lifecycle import STEADY

STORED_WITHIN: Final = 10.0
"""Seconds that the coordinator may take to store what is in the spool."""
WHY: Final = "its hub is stopped"
_FROZEN: Final = "it stands still since the connection to the broker was lost"
_IN_TIME: Final = "there was no time left to stop it at a statement"


@dataclass(frozen=True, slots=True)
class Saved:
    """What a hub that stops has saved of what it held.

    Attributes:
        not_saved: by instance why its newest state is nowhere; it will go back to its last checkpoint.
        in_spool: instances whose newest checkpoint is in the spool alone.
    """

    not_saved: dict[str, str] = field(default_factory=dict)
    in_spool: list[str] = field(default_factory=list)

    @property
    def everywhere(self) -> bool:
        """Whether every newest state is where a failover will look for it."""
        return not self.not_saved and not self.in_spool

    def sentences(self, spool: Path) -> list[str]:
        """Returns what is not as it should be, for people; empty if all is saved."""
        told = [f"{name} goes back to its last checkpoint: {why}" for name, why in sorted(self.not_saved.items())]
        if self.in_spool:
            told.append(
                f"the newest checkpoint of {', '.join(sorted(self.in_spool))} is in the spool {spool} alone: "
                "the coordinator has not stored it; this hub goes on from it"
            )
        return told


async def save(lives: Collection[Life], *, within: float, hurry: asyncio.Event) -> Saved:
    """Holds what runs here behind a last checkpoint.

    Args:
        lives: all that is here.
        within: seconds for the spool.
        hurry: set to wait no longer, for anything.
    """
    why: dict[str, str] = {}
    changed = [life for life in lives if life.instance.state in STEADY and _may_have_changed(life)]
    await _as_far_as_possible((_hold(life, why) for life in changed), within, hurry)
    held = [life.held for life in changed if life.held is not None]
    await _as_far_as_possible((taken.durable.wait() for taken in held), STORED_WITHIN, hurry)
    await _as_far_as_possible((life.ahead.take_back() for life in lives), STORED_WITHIN, hurry)
    saved = Saved()
    for life in lives:
        instance = life.instance
        if instance.worker is not None and life.held is None:
            saved.not_saved[instance.name] = why.get(instance.name, _IN_TIME)
        elif instance.durable != instance.header.checkpoint or life.ahead.owes:
            saved.in_spool.append(instance.name)
    return saved


def _may_have_changed(life: Life) -> bool:
    return life.instance.worker is not None or life.captures.has_changed()


async def _hold(life: Life, why: dict[str, str]) -> None:
    if life.instance.worker is not None and not life.instance.steady.is_set():
        why[life.instance.name] = _FROZEN
        return
    life.leaves = True
    try:
        await life.hold(WHY)
    except MidstreamError as error:
        why[life.instance.name] = error.sentence


async def _as_far_as_possible(work: Iterable[Awaitable[object]], seconds: float, hurry: asyncio.Event) -> None:
    """Returns when all of it is done, the time is over, or there is a hurry."""
    everything: asyncio.Future[Any] = asyncio.gather(*work)
    hurrying: asyncio.Future[Any] = asyncio.ensure_future(hurry.wait())
    await asyncio.wait([everything, hurrying], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    everything.cancel()
    hurrying.cancel()
    await asyncio.gather(everything, hurrying, return_exceptions=True)
