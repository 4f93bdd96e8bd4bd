"""What a run was started by, where that is a message: it travels with the function's code and is its first argument."""

from __future__ import annotations

import msgspec


class Occasion(msgspec.Struct, frozen=True, kw_only=True):
    """A message that started a run; ``at`` in seconds since 1970, ``params`` the named segments of the filter."""

    topic: str
    payload: bytes
    qos: int
    at: float
    params: dict[str, str] = {}
