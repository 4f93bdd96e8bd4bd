"""A hub that takes its session back without reading the claim (against rule 2)."""

from __future__ import annotations

from devices.hub.instances import Instances
from devices.hub.life import Life


def patch() -> None:
    """Takes the fence out of this process."""

    async def lost(self: Life, _: object) -> bool:
        self._thaw()
        return True

    Life.lost = lost
    Instances._fence = lambda *_: None
