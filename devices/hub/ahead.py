"""Where this hub's disk is ahead of the store, and the word that says so (`docs/protocol.md`, rule 8).

Acknowledgements and outputs wait for the store, because a failover starts from there. Two things cannot wait for it:
checkpoints while the coordinator is away, and the messages of a suspended function, which the broker's queue would drop
(`sleeping_mail`). So the hub says that the instance is ahead, in its journal and, retained, at the broker; once the
broker has acknowledged that, nobody gives the instance to another hub, and what is on this disk may count. When the store
has everything again the word is taken back.

What does not travel: each checkpoint that is made while the coordinator is away replaces the one before it, as a child of
the last one that was made for the store. A day without a coordinator costs the disk of a hub no more than an hour.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from devices.errors import MidstreamError, UnreachableError
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
    """What one instance owes to the store, and its word.

    Args:
        instance: whose.
        captures: its checkpoints.

    Attributes:
        owes_mail: whether messages were acknowledged, or are about to be, that this disk alone has.
    """

    def __init__(self, instance: Instance, captures: Captures) -> None:
        self._instance = instance
        self._captures = captures
        self._since = ""
        self._stored = ""
        self._leads = False  # the checkpoints here are ahead
        self._stands = False  # the word is in the journal, and kept by the broker
        self._one_at_a_time = asyncio.Lock()
        self.owes_mail = False

    @property
    def owes(self) -> bool:
        """Whether this disk alone has something that counts."""
        return self._leads or self.owes_mail

    @property
    def since(self) -> str:
        """Since when it is ahead, RFC 3339; empty while it is not."""
        return self._since if self._stands else ""

    @property
    def _topic(self) -> str:
        return self._instance.hub.topics.instance(self._instance.name, "ahead")

    def take_up(self, stored: str, blobs: list[bytes]) -> None:
        """Takes up what an earlier run of this agent owes to the store.

        Args:
            stored: the newest checkpoint that the store has.
            blobs: those that it lacks, oldest first.
        """
        self._stands = self._leads = True
        self._since, self._stored = now(), stored
        self._captures.take_up(blobs)
        self._captures.go_ahead()

    async def keep_watch(self) -> None:
        """Goes ahead when it must, and catches up when it can, until cancelled."""
        presence = self._instance.hub.claims.presence
        while True:
            if not self._leads:
                await presence.absence()
                if not self._must():
                    await asyncio.sleep(_LOOK)
                    continue
                if not await self.say():
                    await asyncio.sleep(limits.VERDICT)
                    continue
                self._leads = True
            self._captures.go_ahead()
            await presence.presence()
            if await self._caught_up():
                self._captures.keep_step()
                self._leads = False
                await self.take_back()

    def _must(self) -> bool:
        instance = self._instance
        if instance.state == "suspended" and instance.hub.draining.wanted:
            return False  # what it waits for is safe at the broker, and this hub may be without power soon
        waits = any(not taken.durable.is_set() for taken in self._captures.pending)
        return waits and instance.steady.is_set() and instance.hub.claims.presence.is_away(AFTER)

    async def say(self) -> bool:
        """Returns when the word is in the journal and kept by the broker; whether it is. Who said it owes something."""
        instance = self._instance
        async with self._one_at_a_time:
            if self._stands:
                return True
            self._since, self._stored = now(), instance.durable
            if not await self._note():
                return False
            if not await self.say_again():
                instance.complain(MidstreamError("it waits for the coordinator: the broker refuses to keep `ahead`"))
                return False
            _log.warning("%s is ahead of the store", instance.name)
            self._stands = True
            return True

    async def _note(self) -> bool:
        instance = self._instance
        try:
            await asyncio.to_thread(instance.spool.note, WentAhead(epoch=instance.epoch, stored=self._stored))
        except OSError as error:
            instance.complain(MidstreamError(f"it waits for the coordinator: the spool is full ({error.strerror})"))
            return False
        return True

    def say_again(self) -> asyncio.Future[bool]:
        """Gives the word to the broker, which may have lost it; returns a future: whether it has taken it."""
        instance, hub = self._instance, self._instance.hub
        word = Word(
            instance=instance.name,
            hub=hub.name,
            epoch=instance.epoch,
            since=self._since,
            checkpoint=self._stored,
            suspended=instance.state == "suspended",
        )
        return hub.control.send(self._topic, messages.encode(word), retain=True)

    async def say_again_if_ours(self) -> None:
        """The same where no newer claim is at the broker: the word there may be another hub's by now."""
        try:
            claim = await self._instance.hub.claims.read(self._instance.name)
        except UnreachableError:
            return  # the next connection asks again
        if self._stands and (claim is None or claim.epoch <= self._instance.epoch):
            self.say_again()

    async def begin_epoch(self) -> None:
        """Says the word, if it stands, under the epoch in which this hub goes on: the coordinator goes by that."""
        async with self._one_at_a_time:
            if self._stands and await self._note():
                await self.say_again()

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

    async def take_back(self) -> None:
        """Takes the word back, if it stands and nothing is owed."""
        async with self._one_at_a_time:
            if self.owes or not self._stands:
                return
            self._stands = False
            try:
                await asyncio.to_thread(self._instance.spool.note, CaughtUp(epoch=self._instance.epoch))
            except OSError as error:  # then a next run of this agent delivers once more what the store has
                _log.warning("%s: the spool takes nothing: %s", self._instance.name, error.strerror)
            self._instance.hub.control.send(self._topic, b"", retain=True)
            _log.info("%s: the store has everything again", self._instance.name)

    async def nothing_is_owed(self) -> None:
        """Takes the word back: the store has all up to here, or the instance is over."""
        self._leads = self.owes_mail = False
        await self.take_back()
