"""What the runtime around the engine supplies. The engine knows nothing of MQTT or ``ctx``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from devices.runtime.python.values import Registered


def _no_effects(descriptor: dict[str, Any]) -> Any:
    raise LookupError(f"no effect is known by the description {descriptor!r}")


def _nothing_to_settle() -> bool:
    return True


@dataclass(frozen=True)
class Library:
    """The library that a function is given.

    Attributes:
        effect: goes on with an effect from its descriptor: called in place of the effect's call in a resumed function;
            returns or raises what that call would. A Python function or method.
        registered: the library's own types and single objects, for the value codec.
        settle: called before a state is read: what the function has given away counts as done from then on. It returns
            whether the whole state lies in the process's own memory.
    """

    effect: Callable[[dict[str, Any]], Any] = _no_effects
    registered: Registered = field(default_factory=Registered)
    settle: Callable[[], bool] = _nothing_to_settle
