"""`ctx.resource`: data that a hub has under a name, wherever it stands there.

A plain path in a variable would be wrong after a move; this is one that is looked up each time it is used.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from devices.errors import RefusedError

_places: dict[str, str] = {}


def know(places: dict[str, str]) -> None:
    """Says where this hub has what: name => path. Called once, before the function's code is imported."""
    _places.clear()
    _places.update(places)


class Resource(os.PathLike[str]):
    """A path that begins with a resource of the hub on which it is used.

    It can be given to all that takes a path, joined with ``/``, and has a path's methods; what these return are plain
    paths, good on this hub.

    Args:
        name: of the resource.
        below: further levels.
    """

    __slots__ = ("_below", "_name")

    def __init__(self, name: str, *below: str) -> None:
        self._name = name
        self._below = below

    def __fspath__(self) -> str:
        """Returns the path on this hub.

        Raises:
            RefusedError: this hub has no such resource, or the function may not touch it.
        """
        try:
            place = _places[self._name]
        except KeyError:
            here = ", ".join(sorted(_places)) or "none"
            raise RefusedError(
                f"there is no resource {self._name!r} for this function on this hub",
                remedy=f"there are: {here}; a site file grants it, or [data] in hub.toml offers it",
            ) from None
        return os.path.join(place, *self._below)  # noqa: PTH118 -- the answer is a text

    def __truediv__(self, level: str | os.PathLike[str]) -> Resource:
        return Resource(self._name, *self._below, os.fspath(level))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(Path(self), name)

    def __str__(self) -> str:
        return os.fspath(self)

    def __repr__(self) -> str:
        return f"ctx.resource({self._name!r})" + "".join(f" / {level!r}" for level in self._below)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Resource) and self.state() == other.state()

    def __hash__(self) -> int:
        return hash((self._name, self._below))

    def state(self) -> list[str]:
        """Returns what travels: the name, not where it is."""
        return [self._name, *self._below]

    @classmethod
    def restored(cls, state: list[str]) -> Resource:
        """Returns what `state` described."""
        name, *below = state
        return cls(name, *below)
