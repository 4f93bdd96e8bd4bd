"""The MQTT session of one instance: one connection after the other, each only under a claim that could be read.

One task reads for the session's whole life. What leaves, leaves on this connection, so that what cuts the session cuts
it too (`docs/protocol.md`, rule 3).
"""

from __future__ import annotations

import asyncio
import functools
import logging
import math
import time
from collections.abc import Iterable
from typing import Final, Protocol

from devices.errors import MidstreamError, UnreachableError
from devices.hub.backoff import Backoff
from devices.hub.instance import Instance
from devices.hub.mailbox import identifier_of
from devices.hub.tasks import Tasks
from devices.mqtt.opening import PreparedConnection
from devices.mqtt.reasons import ConnectionLostError
from devices.mqtt.session import Session, end_session
from devices.protocol import limits
from devices.protocol.checkpoint import Output

KEY_PROPERTY: Final = "midstream-key"
"""User property of every output: ``<instance>/<sequence>``, by which whoever cares knows a repeat (rule 17)."""
_SHORT: Final = 1.0
"""Seconds below which a connection that is lost did not live: the next one waits, longer each time."""
_log = logging.getLogger(__name__)


class Keeper(Protocol):
    """Who decides about the instance."""

    def began(self, *, present: bool, is_new: bool) -> None:
        """A connection is up; ``present``: the broker had kept the session; ``is_new``: there never was one."""

    def silenced(self) -> None:
        """The connection is over, whatever the reason."""

    def arrived(self) -> None:
        """Something came that the function or a checkpoint may be waiting for."""

    def confirmed(self) -> None:
        """The broker has taken an output."""

    async def lost(self, loss: ConnectionLostError) -> bool:
        """The connection is lost; returns, when the claim was read, whether the session may be taken back."""


class InstanceSession:
    """An instance's session.

    Args:
        instance: whose.
        keeper: who is told and asked.
        is_new: whether the instance has never run: a session that the broker keeps under its name is another's.
    """

    def __init__(self, instance: Instance, keeper: Keeper, *, is_new: bool) -> None:
        self._instance = instance
        self._keeper = keeper
        self._is_new = is_new
        self.begins = is_new  # from its start: a session that is not there was not lost
        self._session: Session | None = None
        self._up = asyncio.Event()
        self._up_since = -math.inf
        self._leaving = False
        self._paused = False
        self._tasks = Tasks(instance.name)
        self._reader: asyncio.Task[None] | None = None

    # The connection ---------------------------------------------------------------------------------------------------

    def open(self, prepared: PreparedConnection | None = None) -> None:
        """Connects and reads, until `leave`, `drop` or a loss after which it may not be taken back."""
        assert self._reader is None or self._reader.done(), "a session has one reader"
        self._leaving = False
        self._reader = self._tasks.start(self._run(prepared), "session")

    @property
    def is_open(self) -> bool:
        """Whether it is connected or will be."""
        return self._reader is not None and not self._reader.done()

    async def _run(self, prepared: PreparedConnection | None) -> None:
        backoff = Backoff()
        loss: ConnectionLostError | None = None
        while not self._leaving:
            # Before each CONNECT: what was read before a try that failed may be old by now.
            if loss is not None and not await self._keeper.lost(loss):
                return
            session = Session(
                self._instance.hub.address,
                self._instance.name,
                receive_maximum=limits.RECEIVE_MAXIMUM,
                manual_ack=True,
                prepared=prepared,
            )
            prepared = None
            try:
                async with session:
                    if self._is_new and session.session_present:
                        await session.end()  # left behind by an earlier instance of this name
                        continue
                    loss = None
                    await self._live(session, backoff)
                    loss = ConnectionLostError(f"the connection of {self._instance.name} ended")
            except ConnectionLostError as error:
                loss = error
                if time.monotonic() - self._up_since > _SHORT:
                    continue
            except UnreachableError as error:
                _log.warning("%s: %s", self._instance.name, error)
            if not self._leaving:
                await backoff.wait()

    async def _live(self, session: Session, backoff: Backoff) -> None:
        mailbox = self._instance.mailbox
        mailbox.limit_window(min(self._instance.hub.window, session.limits.receive_maximum))
        self._session = session
        if time.monotonic() - self._up_since > _SHORT:
            backoff.reset()
        self._up_since = time.monotonic()
        was_new, self._is_new, self.begins = self.begins, False, False
        self._up.set()
        self._keeper.began(present=session.session_present, is_new=was_new)
        hearing = self._tasks.start(self._hear(session), "hearing")
        try:
            async for delivery in session.deliveries():
                mailbox.arrive(delivery, time.time())
                self.acknowledge()
                self._keeper.arrived()
                self._pause_if_flooded(session)
        finally:
            self._keeper.silenced()
            hearing.cancel()
            self._up.clear()
            self._session = None
            self._paused = False
            self._instance.feed.hears(False)
            mailbox.connection_ended()
            self._instance.outbox.connection_ended()

    def _pause_if_flooded(self, session: Session) -> None:
        """Stops reading where a broker does not keep to the window (rule 12), unless outputs wait for an answer."""
        mailbox = self._instance.mailbox
        flooded = mailbox.crowded and session.unacknowledged > 2 * self._instance.hub.window
        if flooded and not self._paused and not self._instance.outbox.waiting:
            self._paused = True
            session.pause_reading()

    async def _hear(self, session: Session) -> None:
        try:
            await session.flush()
        except ConnectionLostError:
            return
        self._instance.feed.hears(True)

    async def leave(self) -> None:
        """Disconnects; the broker keeps the session. Everything sent before was processed, everything that came was read."""
        self._leaving = True
        if self._session is not None:
            self._session.resume_reading()
            await self._session.disconnect()
        await self._over()

    async def end(self) -> None:
        """Ends the session for good: the broker forgets it.

        Raises:
            UnreachableError: no broker.
        """
        self._leaving = True
        if self._session is not None:
            await self._session.end()
            await self._over()
        else:
            await self._over()
            await end_session(self._instance.hub.address, self._instance.name)

    async def over(self) -> None:
        """Returns when the session is left, lost for good, or ended."""
        if self._reader is not None and self._reader is not asyncio.current_task():
            await asyncio.wait([self._reader])

    async def _over(self) -> None:
        if self._session is None and self._reader is not None and self._reader is not asyncio.current_task():
            self._reader.cancel()  # it is between two connections
        await self.over()

    async def drop(self) -> None:
        """Leaves without asking anybody: the claim is somebody else's, or this agent ends."""
        await self.leave()
        await self._tasks.cancel()

    # Inputs -----------------------------------------------------------------------------------------------------------

    def acknowledge(self, *, all_covered: bool = False) -> None:
        """Acknowledges what may be."""
        if self._session is None:
            return
        ready = self._instance.mailbox.acknowledge(all_covered=all_covered)
        if ready:
            self._session.acknowledge(*ready)
        if self._paused and not self._instance.mailbox.crowded:
            self._paused = False
            self._session.resume_reading()

    async def subscribe(self, filters: Iterable[str], *, retain_handling: int) -> None:
        """Subscribes as soon as there is a connection.

        Args:
            filters: as the broker takes them.
            retain_handling: 0, 1 or 2 (MQTT 5.0, 3.8.3.1).

        Raises:
            RefusedError: the broker refuses one of them.
        """
        for broker_filter in filters:
            while True:
                await self._up.wait()
                assert self._session is not None
                try:
                    await self._session.subscribe(
                        {broker_filter: 1}, retain_handling=retain_handling, identifier=identifier_of(broker_filter)
                    )
                except ConnectionLostError:
                    await asyncio.sleep(0)
                else:
                    break

    async def unsubscribe(self, filters: Iterable[str]) -> None:
        """Ends subscriptions that no state of the function needs any more; a lost connection ends that too.

        What then still comes is dropped by the mailbox.
        """
        try:
            if self._session is not None:
                await self._session.unsubscribe(*filters)
        except MidstreamError as error:
            _log.info("%s: %s", self._instance.name, error.message)

    # Outputs ----------------------------------------------------------------------------------------------------------

    def let_go(self) -> None:
        """Publishes the outputs that may leave."""
        if self._session is None or self._session.lost.is_set():
            return
        for output in self._instance.outbox.ready():
            try:
                outcome = self._session.publish_nowait(
                    output.topic,
                    output.payload,
                    qos=output.qos,
                    retain=output.retain,
                    user_properties=[(KEY_PROPERTY, f"{self._instance.name}/{output.sequence}")],
                )
            except MidstreamError as error:
                self._refused(output, error)
            else:
                outcome.add_done_callback(functools.partial(self._outcome, output))

    def _outcome(self, output: Output, outcome: asyncio.Future[None]) -> None:
        error = None if outcome.cancelled() else outcome.exception()
        if outcome.cancelled() or isinstance(error, ConnectionLostError):
            return  # sent again on the next connection, under the same key
        if isinstance(error, MidstreamError):
            self._refused(output, error)
            return
        self._instance.outbox.confirm(output)
        self._keeper.confirmed()

    def _refused(self, output: Output, error: MidstreamError) -> None:
        """The broker will never take it; the function's owner is told, and what follows is not held up."""
        self._instance.complain(error)
        self._instance.outbox.confirm(output)
        self._keeper.confirmed()

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> bool:
        """Publishes what is about the instance; returns whether there is a connection."""
        if self._session is None or self._session.lost.is_set():
            return False
        try:
            self._session.publish_nowait(topic, payload, qos=qos, retain=retain).add_done_callback(_look_at)
        except MidstreamError as error:
            _log.warning("%s: %s", self._instance.name, error)
        return True

    async def flush(self) -> None:
        """Returns when the broker has read all that was sent, or the connection is gone."""
        if self._session is not None:
            try:
                await self._session.flush()
            except ConnectionLostError:
                return


def _look_at(outcome: asyncio.Future[None]) -> None:
    if not outcome.cancelled() and (error := outcome.exception()) and not isinstance(error, ConnectionLostError):
        _log.warning("%s", error)
