"""What is answered about where a function could go: `place`."""

from __future__ import annotations

import msgspec


class PointsRow(msgspec.Struct, kw_only=True):
    """A part of a hub's points."""

    part: str
    points: float
    words: str = ""


class PlaceRow(msgspec.Struct, kw_only=True):
    """One hub: its points and what they are made of, or why it cannot take the function."""

    hub: str
    fits: bool
    here: bool  # the function is there
    points: float | None = None
    parts: list[PointsRow] = []
    why: str  # in words, behind the hub's name where it does not fit
    unmet: list[str] = []  # each requirement that it does not meet


class PlacesAnswer(msgspec.Struct, kw_only=True):
    """``place``: the hubs, the best first, those that do not fit last."""

    name: str
    kind: str  # "instance", "function" or "file"
    requires: list[str]
    best: str  # empty: no hub fits
    verdict: str  # where no hub fits: which requirement none meets, or none with the others
    room: str = ""  # where no hub fits: the one where functions of lower priority would make room, and which
    hubs: list[PlaceRow]
