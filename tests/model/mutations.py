"""The coordinator, or a hub, with one of its guards gone: what the model must find, or it proves nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final
from unittest import mock

from coordinator.moves import late_mail, steps
from coordinator.moves.commands import Commands
from coordinator.moves.moving import Moves
from devices.hub.commands import Commands as HubCommands


async def _nothing(*_: Any) -> None: ...


class _NeverError(Exception):
    """Is not raised."""


def _takes_repeats_for_new(self: HubCommands, payload: bytes, topic: str) -> None:
    self._answers.clear()
    _take(self, payload, topic)


_take = HubCommands.take

MUTATIONS: Final[dict[str, Callable[[], AbstractContextManager[Any]]]] = {
    "open moves are forgotten at a restart": lambda: mock.patch.object(Moves, "take_up", _nothing),
    "commands that must arrive are forgotten at a restart": lambda: mock.patch.object(
        Commands, "deliver_unanswered", _nothing
    ),
    "a move is cancelled behind its commit point": lambda: mock.patch.object(steps, "HubGoneError", _NeverError),
    "late mail of a dead source is waited for": lambda: mock.patch.object(
        late_mail, "_empty", lambda *_: (_ for _ in ()).throw(OSError("never"))
    ),
    "a hub takes a repeated command for a new one": lambda: mock.patch.object(
        HubCommands, "take", _takes_repeats_for_new
    ),
}
