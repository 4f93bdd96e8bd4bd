"""Going on while the coordinator is away: this hub's spool is then ahead of the store (`docs/protocol.md`, rule 8).

Acknowledgements and outputs wait for the store, because a failover starts from there. While the coordinator is away
they would wait for as long as that takes. So the hub says that the instance is ahead, in its journal and, retained, at
the broker; once the broker has acknowledged that, nobody gives the instance to another hub, and its checkpoints are
durable with the spool's own sync. When the coordinator is back it is sent what it lacks, one after the other, and the
word is taken back.

What does not travel: each checkpoint that is made meanwhile replaces the one before it, as a child of the last one that
was made for the store. A day without a coordinator costs the disk of a hub no more than an hour.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from devices.errors import MidstreamError
from devices.hub.captures import Captures
from devices.hub.instance import Instance
from devices.hub.moment import now
from devices.hub.spool import CaughtUp, WentAhead
from devices.protocol import limits, messages
from devices.protocol.ahead import Ahead as Word

AFTER: Final = 5.0
"""Seconds that a checkpoint waits for a coordinator that is away: a restart of it is over by then."""
_LOOK: Final = 1.0  # seconds between two looks, while it is away
_log = logging.getLogger(__name__)


class Ahead:
    """One instance's word that it is ahead.

    Args:
        instance: whose.
        captures: its checkpoints.

    Attributes:
        is_said: whether the word stands.
    """

    def __init__(self, instance: Instance, captures: Captures) -> None:
        self._instance = instance
        self._captures = captures
        self._since = ""
        self._stored = ""
        self.is_said = False

    @property
    def since(self) -> str:
        """Since when it is ahead, RFC 3339; empty while it is not."""
        return self._since if self.is_said else ""

    @property
    def _topic(self) -> str:
        return self._instance.hub.topics.instance(self._instance.name, "ahead")

    def take_up(self, stored: str, blobs: list[bytes]) -> None:
        """Takes up what an earlier run of this agent owes to the store.

        Args:
            stored: the newest checkpoint that the store has.
            blobs: those that it lacks, oldest first.
        """
        self.is_said, self._since, self._stored = True, now(), stored
        self._captures.take_up(blobs)
        self._captures.go_ahead()

    async def keep_watch(self) -> None:
        """Goes ahead when it must, and catches up when it can, until cancelled."""
        presence = self._instance.hub.claims.presence
        while True:
            if not self.is_said:
                await presence.absence()
                if not self._must():
                    await asyncio.sleep(_LOOK)
                    continue
                if not await self._say():
                    await asyncio.sleep(limits.VERDICT)
                    continue
            self._captures.go_ahead()
            await presence.presence()
            if await self._caught_up():
                self._captures.keep_step()
                await self.unsay()

    def _must(self) -> bool:
        instance = self._instance
        waits = any(not taken.durable.is_set() for taken in self._captures.pending)
        return waits and instance.steady.is_set() and instance.hub.claims.presence.is_away(AFTER)

    async def _say(self) -> bool:
        """Returns when the word is in the journal and kept by the broker; whether it is."""
        instance = self._instance
        self._since, self._stored = now(), instance.durable
        try:
            await asyncio.to_thread(instance.spool.note, WentAhead(epoch=instance.epoch, stored=self._stored))
        except OSError as error:
            instance.complain(MidstreamError(f"it waits for the coordinator: the spool is full ({error.strerror})"))
            return False
        if not await self.say_again():
            instance.complain(MidstreamError("it waits for the coordinator: the broker refuses to keep `ahead`"))
            return False
        _log.warning("%s goes ahead of the store: the coordinator is away", instance.name)
        self.is_said = True
        return True

    def say_again(self) -> asyncio.Future[bool]:
        """Gives the word to the broker, which may have lost it; returns a future: whether it has taken it."""
        instance, hub = self._instance, self._instance.hub
        word = Word(
            instance=instance.name, hub=hub.name, epoch=instance.epoch, since=self._since, checkpoint=self._stored
        )
        return hub.control.send(self._topic, messages.encode(word), retain=True)

    async def _caught_up(self) -> bool:
        """Sends the store what it lacks, in order; returns whether it has all, or has gone away again."""
        presence = self._instance.hub.claims.presence
        self._captures.catch_up()
        while pending := self._captures.pending:
            oldest = pending[0]
            self._captures.announce_again(oldest.id)
            for _ in range(int(limits.VERDICT / _LOOK)):
                try:
                    async with asyncio.timeout(_LOOK):
                        await oldest.stored.wait()
                    break
                except TimeoutError:
                    if presence.is_away(AFTER):
                        return False
        return True

    async def unsay(self) -> None:
        """Takes the word back, if it stands."""
        if not self.is_said:
            return
        self.is_said = False
        try:
            await asyncio.to_thread(self._instance.spool.note, CaughtUp(epoch=self._instance.epoch))
        except OSError as error:  # then a next run of this agent delivers once more what the store has
            _log.warning("%s: the spool takes nothing: %s", self._instance.name, error.strerror)
        self._instance.hub.control.send(self._topic, b"", retain=True)
        _log.info("%s: the store has everything again", self._instance.name)
