"""From a condition that comes and goes to one event: `for`, `clear` and `cooldown`.

A latch is told what a reading says: the condition holds, it does not, or nothing is known. It fires once, when the
condition has held for `hold` seconds without a reading that denied it, and not again before it was cleared.

Nothing known changes nothing. That is what makes the callers' rules simple: a retained message, a payload without the
number, ``nan`` and a partial update are all told as ``None``, and so can neither fire nor clear anything.

Time is an argument, in seconds of a clock that does not go backward (`time.monotonic`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_LONGEST_PATIENCE: Final = 64.0


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a condition must hold, and how long a latch rests.

    Args:
        hold: seconds for which the condition must hold before the latch fires.
        cooldown: least seconds between two firings.
        again: seconds after which it fires once more while the condition goes on holding; 0: never.
    """

    hold: float = 0.0
    cooldown: float = 0.0
    again: float = 0.0


class Latch:
    """One condition on one subject."""

    __slots__ = ("active", "fired", "patience", "since")

    def __init__(self) -> None:
        self.active = False  # fired and not yet cleared
        self.since: float | None = None  # when the condition began to hold
        self.fired: float | None = None  # when it fired last
        self.patience = 1.0  # times `again`, longer each time that nothing could be done about it

    def news(self, timing: Timing, *, holds: bool | None, clears: bool | None, at: float) -> bool:
        """Takes a reading in; returns whether the latch fires now.

        Args:
            timing: of the rule.
            holds: whether the condition holds; ``None`` where the reading does not tell.
            clears: whether the condition for clearing holds; ``None`` likewise.
            at: when the reading was taken, in seconds.
        """
        if self.active:
            if clears:
                self.active, self.since, self.patience = False, None, 1.0
                return False
            return bool(holds) and self._once_more(timing, at)
        if holds is None:
            return False
        if not holds:
            self.since = None
            return False
        if self.since is None:
            self.since = at
        return self._ripe(timing, at)

    def passed(self, timing: Timing, at: float) -> bool:
        """Lets time pass without a reading; returns whether the latch fires now.

        For devices that publish on change alone: what they said last goes on being true.
        """
        return not self.active and self._ripe(timing, at)

    def deaf(self) -> None:
        """Forgets since when the condition held: for a while nobody listened, so nobody knows that it did."""
        if not self.active:
            self.since = None

    def in_vain(self) -> None:
        """Notes that nothing could be done: the next time is four times as far, and at most 64 times."""
        self.patience = min(4 * self.patience, _LONGEST_PATIENCE)

    def idle(self, timing: Timing, at: float) -> bool:
        """Tells whether the latch is as good as new and need not be kept."""
        rested = self.fired is None or at - self.fired >= timing.cooldown
        return not self.active and self.since is None and rested

    def _once_more(self, timing: Timing, at: float) -> bool:
        if not timing.again or (self.fired is not None and at - self.fired < timing.again * self.patience):
            return False
        self.fired = at
        return True

    def _ripe(self, timing: Timing, at: float) -> bool:
        if self.since is None or at - self.since < timing.hold:
            return False
        if self.fired is not None and at - self.fired < timing.cooldown:
            return False
        self.active, self.fired = True, at
        return True
