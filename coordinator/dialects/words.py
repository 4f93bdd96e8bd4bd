"""Words for being there and being away, in the spellings of all firmware; any other word means that nothing is known."""

from __future__ import annotations

from typing import Any, Final

from coordinator.dialects.interpretation import Signal
from coordinator.dialects.vocabulary import names

_UP: Final = names("online true 1 on yes ready connected alive available up alert awake")
_DOWN: Final = names("offline false 0 off no disconnected lost dead unavailable down")
_ASLEEP: Final = frozenset({"sleeping", "asleep", "sleep"})
_KEYS: Final = ("state", "value", "status", "online")


def signal_in(said: Any) -> Signal:
    """Returns what a word, a number, a boolean or an object around one of them says of being there.

    Letters' case does not matter. ``init`` and words of other languages are unknown: neither up nor down.
    """
    if isinstance(said, dict):
        inner = next((said[key] for key in _KEYS if key in said), None)
        return Signal.UNKNOWN if isinstance(inner, dict) else signal_in(inner)
    if isinstance(said, float) and said.is_integer():
        said = int(said)
    word = str(said).strip().casefold()
    if word in _UP:
        return Signal.UP
    if word in _DOWN:
        return Signal.DOWN
    return Signal.ASLEEP if word in _ASLEEP else Signal.UNKNOWN
