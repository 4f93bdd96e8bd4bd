"""Whether a device is there: its own word, its silence, and the bridge that it speaks through, each with a reason.

None of the three is enough. A will says offline of a device that sleeps by plan, or of one that came back without saying
so; "online" stays when the bridge has died; and silence is usual for what speaks on change only. Unknown words mean that
nothing is known, never that it is down. Pure: times are seconds of one clock that does not go backward.
"""

from __future__ import annotations

import enum
import statistics
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from coordinator.dialects.interpretation import Signal

SHORTEST: Final = 60.0
"""Seconds of silence that never mean anything."""
UNTOLD: Final = 3600.0
"""Seconds of silence that are usual for a device that keeps no beat, or whose habits are not known yet."""
LONGEST: Final = 25 * 3600.0
"""Seconds after which silence always means something: what sends once a day has missed its day."""
_PATIENCE: Final = 4.0
"""Times its longest pause that a device may be silent."""
_FADING: Final = 0.99
"""What is left of the longest pause with each further one, so that a bad day is forgotten."""
_PAUSES: Final = 12
"""Pauses between messages by which a device's habits are known."""
_ENOUGH: Final = 3
_BURST: Final = 1.0
"""Seconds: messages that follow each other faster are one utterance."""
_AFTER: Final = 2.0
"""Seconds after its will within which a device's last messages may still arrive."""
_FLAPS: Final = 4
_FLAPPING: Final = 900.0
"""Seconds: so many changes within so long are a coming and going."""


class Liveness(enum.StrEnum):
    """What is known of a device's being there."""

    ONLINE = "online"
    OFFLINE = "offline"
    ASLEEP = "asleep"
    SILENT = "silent"
    INCONSISTENT = "inconsistent"  # it says that it is away, and speaks
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Signs:
    """All signs of a device's life."""

    signal: Signal | None = None
    word: str = ""  # in which the signal was given
    said: float = 0.0  # when
    kept: bool = False  # it was the broker who said so, and when it was so nobody knows
    alive: float | None = None  # its last live message that shows that it is there
    pauses: deque[float] = field(default_factory=lambda: deque(maxlen=_PAUSES))
    longest: float = 0.0
    changes: deque[float] = field(default_factory=lambda: deque(maxlen=_FLAPS))

    def heard(self, at: float) -> None:
        """Notes a live message."""
        if self.alive is not None and at - self.alive > _BURST:
            self.pauses.append(at - self.alive)
            self.longest = max(at - self.alive, _FADING * self.longest)
        if self.alive is None or at > self.alive:
            self.alive = at

    def told(self, signal: Signal, word: str, at: float, *, kept: bool) -> None:
        """Notes what was said of it; a kept word does not stand against a live one."""
        if kept and self.signal is not None and not self.kept:
            return
        if signal is Signal.DOWN and self.signal is Signal.ASLEEP:
            signal = Signal.ASLEEP  # the will of a device that has said that it goes to sleep
        if signal is not self.signal and self.signal is not None and not kept:
            self.changes.append(at)
        self.signal, self.word, self.said, self.kept = signal, word, at, kept

    def limit(self) -> float:
        """Returns the seconds of silence that are usual for it.

        What speaks at a beat is missed soon. What speaks when something happens may be silent for a night: its longest
        pause counts, and an hour at least.
        """
        longest = max(self.pauses, default=0.0)
        if len(self.pauses) >= _ENOUGH and _PATIENCE * statistics.median(self.pauses) >= longest:
            return min(max(_PATIENCE * longest, SHORTEST), LONGEST)
        return min(max(_PATIENCE * self.longest, UNTOLD), LONGEST)


def judge(signs: Signs, now: float, listening: float, bridge: tuple[str, Liveness] | None) -> tuple[Liveness, str]:
    """Returns whether a device is there, and why that is thought.

    Args:
        signs: of it.
        now: the present.
        listening: since when everything could be heard.
        bridge: name and liveness of what it speaks through, if there is such a thing and it is known.
    """
    state, why = _by_itself(signs, now, listening)
    flapping = len(signs.changes) == _FLAPS and now - signs.changes[0] < _FLAPPING
    if flapping:
        why += f"; it comes and goes: {_FLAPS} changes within {_span(now - signs.changes[0])}"
    if bridge is None or bridge[1] not in (Liveness.OFFLINE, Liveness.SILENT):
        return state, why
    if signs.alive is not None and now - signs.alive < SHORTEST:
        return state, f"{why}; yet {bridge[0]}, through which it speaks, is {bridge[1]}"
    return Liveness.UNKNOWN, f"{bridge[0]}, through which it speaks, is {bridge[1]}: nothing is known of it"


def _by_itself(signs: Signs, now: float, listening: float) -> tuple[Liveness, str]:
    alive = signs.alive
    spoke = "nothing was heard of it live" if alive is None else f"last heard {_span(now - alive)} ago"
    kept = ", as the broker has kept it" if signs.kept else ""
    word = f"it says {signs.word!r}{kept}" if signs.word else "its messages tell so"
    match signs.signal:
        case Signal.DOWN if alive is not None and alive > signs.said + _AFTER:
            return Liveness.INCONSISTENT, f"{word}, yet it speaks: {spoke}"
        case Signal.DOWN:
            return Liveness.OFFLINE, f"{word}; {spoke}"
        case Signal.ASLEEP:
            return Liveness.ASLEEP, f"it is away by plan; {spoke}"
        case Signal.UNKNOWN if alive is None or now - alive > signs.limit():
            return Liveness.UNKNOWN, f"{word}, which nobody has explained; {spoke}"
    silence = now - max(signs.alive if signs.alive is not None else listening, listening)
    limit = signs.limit()
    if silence > limit:
        usual = f"usual is less than {_span(limit)}"
        besides = f", and {word}" if signs.signal is Signal.UP else ""
        return Liveness.SILENT, f"{spoke}; {usual}{besides}"
    if alive is None and signs.signal is not Signal.UP:
        return Liveness.UNKNOWN, "only what the broker has kept is known of it"
    if alive is None and signs.kept:
        return Liveness.ONLINE, f"{word}; {spoke} yet"
    return Liveness.ONLINE, spoke if signs.signal is not Signal.UP else f"{word}; {spoke}" if alive else word


def _span(seconds: float) -> str:
    for limit, unit, divisor in ((100.0, "s", 1.0), (6000.0, "min", 60.0), (172_800.0, "h", 3600.0)):
        if seconds < limit:
            return f"{max(seconds, 0.0) / divisor:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"
