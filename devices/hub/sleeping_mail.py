"""Takes the messages of a suspended function out of the broker's queue, which drops what is beyond its limit (rule 15).

While a function runs, its unread messages wait at the broker, and its checkpoints say what may be acknowledged. One that
is suspended reads none for days, and a stock broker keeps a thousand. So its mailbox grows here, up to the quota; beyond
it the broker's queue fills, and then it is the broker that drops.

What is acknowledged must be where the next hub finds it. A checkpoint of the mailbox is that, but each has all that waits
once more: one for each hundred messages wears out an SD card. So there is one where what is new is a part of the whole
that is worth it (`_WORTH`), or after some minutes (`_LONGEST`); in between messages are written to a file in the spool,
and acknowledged behind the word that this hub is ahead of the store (`ahead`), which ends with the next checkpoint. Few
messages simply wait at the broker for it: no file, and no word.

A hub that is being drained says no such word, because its disk may be away in a minute: there checkpoints are worth it.

Tried and given up: acknowledging with the file's sync alone, as it was at first. It lost what had come since the last
checkpoint when the function was resumed elsewhere while its hub was away, without anybody being told.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import Final

from devices.errors import MidstreamError
from devices.hub.ahead import Ahead
from devices.hub.backoff import Backoff
from devices.hub.captures import Captures
from devices.hub.instance import Instance
from devices.hub.instance_session import InstanceSession

_WORTH: Final = 4
"""A checkpoint is taken where one in so many of the messages in it is new: all of them together then write each message
less than five times, however many come."""
_LONGEST: Final = 600.0
"""Seconds that this disk alone may have something; then there is a checkpoint, worth it or not."""
_LONGEST_PAUSE = 30.0  # seconds between two tries while the disk takes nothing
_log = logging.getLogger(__name__)


class SleepingMail:
    """What one instance gets while it is suspended.

    Args:
        instance: whose.
        session: its connection.
        captures: its checkpoints.
        ahead: its word.
    """

    def __init__(self, instance: Instance, session: InstanceSession, captures: Captures, ahead: Ahead) -> None:
        self._instance = instance
        self._session = session
        self._captures = captures
        self._ahead = ahead
        self._kept_up_to = 0  # number of the newest arrival in the file; 0: it is empty
        self._came = asyncio.Event()
        self._writes = False
        self._owed_since = 0.0  # monotonic seconds

    @property
    def _is_of_this_disk(self) -> bool:
        """Whether the spool is durable enough, as the function says."""
        return self._instance.settings.durability == "spool"

    def take_up(self) -> None:
        """Takes up what an earlier run of this agent, or of the function, has kept and the checkpoint does not hold."""
        mailbox = self._instance.mailbox
        kept = [it for it in self._instance.spool.mail.read() if it.arrival.number > mailbox.arrivals]
        mailbox.take_saved(kept)
        self._kept_up_to = mailbox.arrivals if kept else 0
        # whether it was acknowledged is not known, so it counts as if
        if any(it.arrival.qos for it in kept) and not self._is_of_this_disk:
            self._owe()

    async def vouch(self) -> None:
        """Returns when what was taken up may count; the broker may send it again before that."""
        backoff = Backoff(_LONGEST_PAUSE)
        while self._ahead.owes_mail and not await self._ahead.say():
            await backoff.wait()
        self._instance.mailbox.cover_up_to(self._kept_up_to)
        self._session.acknowledge(all_covered=True)
        self._came.set()

    def arrived(self) -> None:
        """Something has come, or the function is suspended from now on."""
        self._came.set()

    async def keep(self) -> None:
        """Keeps what comes, until cancelled."""
        instance, backoff = self._instance, Backoff(_LONGEST_PAUSE)
        await self.vouch()
        while True:
            await self._something_to_do()
            if instance.state != "suspended" or instance.mailbox.crowded:
                continue
            try:
                await self._take_in()
            except OSError as error:
                instance.complain(MidstreamError(f"the spool takes no messages: {error.strerror}"))
                await backoff.wait()
                self._came.set()
            else:
                backoff.reset()

    async def _something_to_do(self) -> None:
        left = max(0.0, self._owed_since + _LONGEST - time.monotonic()) if self._ahead.owes_mail else None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(left):
                await self._came.wait()
        self._came.clear()

    async def _take_in(self) -> None:
        mailbox = self._instance.mailbox
        newest, fresh = mailbox.arrivals, mailbox.unsaved(self._kept_up_to)
        due = mailbox.checkpoint_due or self._ahead.owes_mail or self._is_of_this_disk
        in_checkpoint = not self._is_of_this_disk and (
            self._is_worth_one or self._is_overdue or self._instance.hub.draining.wanted
        )
        if fresh and ((due and not in_checkpoint) or not all(it.arrival.qos for it in fresh)):
            self._writes = True
            try:
                await asyncio.to_thread(self._instance.spool.mail.append, fresh)
            finally:
                self._writes = False
            self._kept_up_to = newest
        if due and in_checkpoint:
            self._owed_since = time.monotonic()
            if not self._captures.one_at_a_time.locked():  # else `covered` has this looked at again
                self._captures.make_due()
        elif due and (self._is_of_this_disk or await self._may_count(newest)):
            mailbox.cover_up_to(newest)
            self._session.acknowledge(all_covered=True)

    @property
    def _is_worth_one(self) -> bool:
        mailbox = self._instance.mailbox
        return _WORTH * (mailbox.arrivals - self._instance.header.mailbox.arrivals) >= mailbox.unread

    @property
    def _is_overdue(self) -> bool:
        return self._ahead.owes_mail and time.monotonic() - self._owed_since >= _LONGEST

    def _owe(self) -> None:
        if not self._ahead.owes_mail:
            self._owed_since = time.monotonic()
        self._ahead.owes_mail = True

    async def _may_count(self, newest: int) -> bool:
        """Says that this hub is ahead; returns whether what the file has may be acknowledged with that."""
        if not await self._ahead.say():
            self._captures.make_due()
            return False
        instance = self._instance
        if instance.state != "suspended" or instance.hub.draining.wanted or self._kept_up_to < newest:
            self._came.set()  # it is held, given away, or in a durable checkpoint by now
            await self._ahead.take_back()
            return False
        self._owe()
        return True

    def covered(self) -> None:
        """Takes note that a checkpoint is durable: the mailbox's bounds are for functions that read it."""
        if self._instance.state == "suspended":
            self._session.acknowledge(all_covered=True)
        self._forget_what_is_held()
        self._came.set()

    def _forget_what_is_held(self) -> None:
        """Empties the file if the newest checkpoint is durable and holds everything in it; not while more is written."""
        instance = self._instance
        held = instance.header.mailbox.arrivals >= self._kept_up_to and instance.durable == instance.header.checkpoint
        if self._kept_up_to and held and not self._writes:
            self._kept_up_to = 0
            self._ahead.owes_mail = False
            instance.spool.mail.clear()
