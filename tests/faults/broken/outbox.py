"""A hub that lets outputs go at once, and not with the checkpoint that contains them (against rule 17)."""

from __future__ import annotations

from devices.hub.outbox import Outbox
from devices.hub.process import Process


def patch() -> None:
    """Lets every output leave as soon as it was made."""
    ready, publish = Outbox.ready, Process._publish

    def uncovered(self: Outbox) -> list:
        covered, self.covered = self.covered, self.sequence
        try:
            return ready(self)
        finally:
            self.covered = covered

    def at_once(self: Process, frame: object) -> None:
        publish(self, frame)
        self._session.let_go()

    Outbox.ready, Process._publish = uncovered, at_once
