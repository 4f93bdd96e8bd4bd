"""Takes the messages of a suspended function out of the broker's queue, which drops what is beyond its limit (rule 15).

While a function runs, its unread messages wait at the broker, and its checkpoints say what may be acknowledged. One that
is suspended reads none for days, and a stock broker keeps a thousand. So they are written to a file in the spool and
acknowledged, up to the mailbox's quota; beyond it the broker's queue fills, and then it is the broker that drops.
"""

from __future__ import annotations

import asyncio
import logging

from devices.errors import MidstreamError
from devices.hub.backoff import Backoff
from devices.hub.instance import Instance
from devices.hub.instance_session import InstanceSession

_LONGEST_PAUSE = 30.0  # seconds between two tries while the disk takes nothing
_log = logging.getLogger(__name__)


class SleepingMail:
    """What one instance gets while it is suspended.

    Args:
        instance: whose.
        session: its connection.
    """

    def __init__(self, instance: Instance, session: InstanceSession) -> None:
        self._instance = instance
        self._session = session
        self._kept_up_to = 0  # number of the newest arrival in the file; 0: it is empty
        self._came = asyncio.Event()
        self._writes = False

    def take_up(self) -> None:
        """Takes up what an earlier run of this agent has kept and the newest checkpoint does not hold."""
        mailbox = self._instance.mailbox
        kept = [it for it in self._instance.spool.mail.read() if it.arrival.number > mailbox.arrivals]
        mailbox.take_saved(kept)
        self._kept_up_to = mailbox.arrivals if kept else 0

    def arrived(self) -> None:
        """Something has come, or the function is suspended from now on."""
        self._came.set()

    async def keep(self) -> None:
        """Keeps what comes, until cancelled."""
        instance, mailbox, backoff = self._instance, self._instance.mailbox, Backoff(_LONGEST_PAUSE)
        while True:
            await self._came.wait()
            self._came.clear()
            if instance.state != "suspended" or mailbox.crowded:
                continue
            newest, fresh = mailbox.arrivals, mailbox.unsaved(self._kept_up_to)
            self._writes = True
            try:
                if fresh:
                    await asyncio.to_thread(instance.spool.mail.append, fresh)
            except OSError as error:
                instance.complain(MidstreamError(f"the spool takes no messages: {error.strerror}"))
                await backoff.wait()
                self._came.set()
                continue
            finally:
                self._writes = False
            backoff.reset()
            self._kept_up_to = newest if fresh else self._kept_up_to
            mailbox.cover_up_to(newest)
            self._session.acknowledge(all_covered=True)

    def forget_what_is_held(self) -> None:
        """Empties the file if the newest checkpoint is durable and holds everything in it; not while more is written."""
        instance = self._instance
        held = instance.header.mailbox.arrivals >= self._kept_up_to and instance.durable == instance.header.checkpoint
        if self._kept_up_to and held and not self._writes:
            self._kept_up_to = 0
            instance.spool.mail.clear()
