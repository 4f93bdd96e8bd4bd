"""One move under way: its row, and what this process remembers of it beside."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Final, cast

from coordinator.moves.changing import Change
from coordinator.moves.machine import State
from coordinator.moves.upgrading import Child
from coordinator.store.schema import Move
from devices.protocol.answers import Captured
from devices.protocol.messages import PHASES

_AT_SOURCE: Final = ("freeze", "capture", "encode", "spool")
_AT_DESTINATION: Final = ("start", "decode", "resume")


@dataclass(slots=True)
class Journey:
    """A move and the marks of its way; after a restart of the coordinator only the row is left.

    Args:
        move: its row, as of the newest decision.
        moments: monotonic seconds of this coordinator by what had happened: asked, told, stored, claimed, running.
        blob: the checkpoint that travels.
        sent_to: the hub that was sent the blob in this life.
        ahead: the task that sends it before the claim.
        told: the source's announcement.
        change: what an upgrade shall change; only this process knows it.
        child: what an upgrade goes on from.
        waits: for what, in words, while no hub can take the function.
        accepts_loss: whether somebody has said that it shall wait no longer, whatever is lost by that.
        late: set when the source has sent a piece of its late list.
    """

    move: Move
    moments: dict[str, float] = field(default_factory=dict)
    blob: bytes | None = None
    sent_to: str = ""
    ahead: asyncio.Task[None] | None = None
    told: Captured | None = None
    change: Change | None = None
    child: Child | None = None
    waits: str = ""
    accepts_loss: bool = False
    late: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def state(self) -> State:
        """The move's state."""
        return cast("State", self.move.state)

    def mark(self, what: str) -> None:
        """Notes that something has happened now."""
        self.moments[what] = time.monotonic()

    def _between(self, first: str, second: str) -> float:
        """Milliseconds between two marks; 0 where one is missing."""
        if first not in self.moments or second not in self.moments:
            return 0.0
        return max(0.0, 1000 * (self.moments[second] - self.moments[first]))

    def phases(self, at_destination: dict[str, float]) -> dict[str, float]:
        """Returns the time of each phase in ms.

        A hub's own phases are differences of its own clock. What lies between hubs is measured here: ``send`` is the
        time from the request to the announcement less what the source worked, ``claim`` the time from the commit of
        the checkpoint to that of the claim (the source's release is in it), and the way to the destination and back
        counts as part of ``start``. ``spool`` runs beside ``send``; the sum of all others is the downtime and the
        freeze.

        Args:
            at_destination: what the destination told in `Running`.
        """
        source = self.told.phases if self.told else {}
        phases: dict[str, float] = {phase: source[phase] for phase in _AT_SOURCE if phase in source}
        worked = sum(source.get(phase, 0.0) for phase in ("freeze", "capture", "encode"))
        if "told" in self.moments:
            phases["send"] = max(0.0, self._between("asked", "told") - worked)
            phases["store"] = self._between("told", "stored")
            phases["claim"] = self._between("stored", "claimed")
        there: dict[str, float] = {phase: at_destination[phase] for phase in _AT_DESTINATION if phase in at_destination}
        way = max(0.0, self._between("claimed", "running") - sum(there.values()))
        there["start"] = there.get("start", 0.0) + way
        phases |= there
        return {phase: round(phases[phase], 3) for phase in PHASES if phase in phases}

    def downtime_ms(self) -> float:
        """Returns how long nothing ran, in ms: from the last statement at the source to the first at the destination.

        Measured on this coordinator's clock, from the request to capture until the destination's `Running`, less the
        freeze, in which the function still ran. That is the true gap and the way of two messages: never less.
        """
        freeze = (self.told.phases if self.told else {}).get("freeze", 0.0)
        return round(max(0.0, self._between("asked", "running") - freeze), 3)
