"""`ctx`: what a function can do beside computing.

It is imported, never passed, so that helpers use it too; there is one in each process, and it travels by its name.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import IO, Any, BinaryIO, TextIO, get_args, overload

from devices.errors import UsageError
from devices.protocol import link, topics
from devices.protocol.waits import CatchUp
from devices.runtime import deadline, files, payloads
from devices.runtime.effects import Checkpoint, Publish, Sleep, Where
from devices.runtime.instance import running
from devices.runtime.message import Message
from devices.runtime.resource import Resource
from devices.runtime.subscription import Keep, Subscribe, Subscription, wait_for_message


class Context:
    """The running function itself: its messages, its time, its outputs, its place."""

    __slots__ = ()

    def subscribe(self, *filters: str, keep: Keep = "all", retained: bool = True) -> Subscription:
        """Opens a mailbox: from here on no message is missed, wherever the function goes.

        Args:
            filters: MQTT topic filters: ``tele/washer/SENSOR``, ``+`` for one level, ``#`` for all that follow,
                ``{room}`` for one level that has a name (``message.params``).
            keep: ``"all"``: every message counts (orders, events, meters that count up). ``"latest"``: only the newest
                unread one of each topic (a gauge: old readings are worthless after a sleep).
            retained: whether the last known value, which the broker keeps, comes first (``message.retained``);
                ``False``: only what is published from here on.

        Returns:
            The subscription, once the broker has granted it.

        Raises:
            UsageError: no filter, or one that is none.
            MidstreamError: the broker refused it.
        """
        instance = running()
        with instance.attention:
            if not filters:
                raise UsageError("ctx.subscribe() needs a topic filter", remedy='as in ctx.subscribe("tele/+/SENSOR")')
            if keep not in ("all", "latest"):
                raise UsageError(f"keep={keep!r} cannot be", remedy='it is "all" or "latest"')
            for topic_filter in filters:
                topics.wire_filter(topic_filter)
            return Subscribe(instance, filters=filters, keep=keep, retained=retained).run()

    def next(
        self,
        timeout: str | float | timedelta | None = None,
        *,
        until: str | datetime | None = None,
        where: Where | None = None,
    ) -> Message | None:
        """Waits for the oldest unread message of all subscriptions.

        Args:
            timeout: how long to listen: ``"6m"``, seconds, a timedelta; ``None``: for ever. Time in which the function
                was not running, or its hub was cut off, does not count.
            until: a time of day (``"07:00"``) or an aware datetime at which the wait ends, by the clock.
            where: a function of a message that tells whether it matters; those that do not are read and dropped, and
                the time goes on.

        Returns:
            The message (``message in subscription`` tells whose it is); ``None``: the time is up and nothing unread is
            left.

        Raises:
            UsageError: a duration or time that is none.
        """
        return wait_for_message([], timeout, until, where)

    def sleep(
        self,
        duration: str | float | timedelta | None = None,
        *,
        until: str | datetime | None = None,
        catch_up: CatchUp | None = None,
    ) -> None:
        """Sleeps, by the clock on the wall: moves, reboots and power cuts do not lengthen it.

        Args:
            duration: ``"90s"``, ``"6h"``, ``"1h 30m"``, seconds, or a timedelta.
            until: instead: the next ``"07:00"`` in the site's time zone, or an aware datetime.
            catch_up: what happens if it ended while the function was not running; ``None``: as `@function` says.

        Raises:
            UsageError: neither or both; a duration, time or policy that is none.
        """
        instance = running()
        with instance.attention:
            if (duration is None) == (until is None):
                raise UsageError("ctx.sleep() takes a duration or until=, one of them", remedy='as in ctx.sleep("90s")')
            policy = instance.catch_up if catch_up is None else catch_up
            if policy not in get_args(CatchUp):
                raise UsageError(f"catch_up={policy!r} cannot be", remedy='it is "run", "skip" or "continue"')
            if until is not None:
                end = deadline.until(until, instance.zone, policy)
            else:
                assert duration is not None
                end = deadline.after(duration, policy)
            Sleep(instance, deadline=end).run()

    def publish(self, topic: str, payload: Any, *, qos: int = 1, retain: bool = False, immediate: bool = False) -> None:
        """Publishes a message, exactly once in effect: it leaves when the state that made it is durable.

        Args:
            topic: where, without wildcards.
            payload: text, a number, bytes; dicts and lists become JSON.
            qos: the quality of service it leaves with: 0 or 1.
            retain: whether the broker keeps it as the topic's last known value.
            immediate: leaves at once, without waiting for a checkpoint: for lamps that must not lag. After a crash it
                may be sent again.

        Raises:
            UsageError: no topic, or a payload that cannot be one.
        """
        instance = running()
        with instance.attention:
            if topics.wire_filter(topic) != topic or any(sign in topic for sign in "+#"):
                raise UsageError(f"{topic!r} is no topic to publish to", remedy="'+', '#' and '{name}' are for filters")
            if qos not in (0, 1):
                raise UsageError(f"qos={qos!r} cannot be", remedy="it is 0 or 1")
            Publish(
                instance,
                topic=topic,
                payload=payloads.to_payload(payload),
                qos=qos,
                retain=bool(retain),
                immediate=bool(immediate),
            ).run()

    def status(self, text: str | None = None, *, progress: float | None = None, **values: Any) -> None:
        """Says in one line how it goes, with a few numbers: for ``midstream ps``, pages and Home Assistant.

        Args:
            text: one line for people.
            progress: from 0 to 1.
            values: numbers, texts and bools by name.

        Raises:
            UsageError: a progress outside of 0 to 1.
        """
        instance = running()
        with instance.attention:
            if progress is not None and not 0 <= progress <= 1:
                raise UsageError(f"progress={progress} cannot be", remedy="it goes from 0 to 1")
            instance.send(
                link.Status(
                    text=None if text is None else payloads.status_text(text),
                    progress=None if progress is None else float(progress),
                    values=payloads.status_values(values),
                )
            )

    def resource(self, name: str) -> Resource:
        """Returns data of the hub by its name: a path-like that is looked up each time it is used.

        A site file (`midstream deploy`) grants it, or the hub offers it (``[data]`` in `hub.toml`). After a move the
        same name means what the other hub has under it.

        Args:
            name: of the resource.

        Returns:
            A path-like; using it raises a `RefusedError` where the hub has no such resource for this function.
        """
        return Resource(name)

    @overload
    def open(
        self,
        path: str | os.PathLike[str],
        mode: files.TextMode = "r",
        *,
        encoding: str = "utf-8",
        errors: str | None = None,
        newline: str | None = None,
    ) -> TextIO: ...
    @overload
    def open(self, path: str | os.PathLike[str], mode: files.BinaryMode) -> BinaryIO: ...
    def open(
        self,
        path: str | os.PathLike[str],
        mode: str = "r",
        *,
        encoding: str = "utf-8",
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """Opens a file that stays open wherever the function goes: it goes on at its position.

        A checkpoint counts what was written, and has it on the disk; behind a hub's sudden death a file that was opened
        with ``"w"`` or ``"x"`` is cut back to what the checkpoint counts, so that nothing is there twice. One that is
        appended to (``"a"``) is never cut. The file must be at the same path where the function goes on: on a share, or
        the function stays on its hub.

        Args:
            path: of the file; a relative one is meant from the folder in which the hub runs.
            mode: as for Python's `open`.
            encoding: of text.
            errors: what to do with text that cannot be encoded or decoded, as for Python's `open`.
            newline: how line ends are read and written, as for Python's `open`.

        Returns:
            Python's own kind of file, to be closed, or used in a ``with``.

        Raises:
            UsageError: a mode that is none.
            OSError: as from Python's `open`.
        """
        with running().attention:
            return files.open_file(path, mode, encoding, errors, newline)  # type: ignore[no-any-return]

    def now(self) -> datetime:
        """Returns the present time: aware, in the site's time zone, the same on every hub."""
        return running().now()

    @property
    def hub(self) -> str:
        """The name of the hub on which the function is now."""
        return running().hub

    def checkpoint(self) -> str:
        """Makes a checkpoint, returns its id when it is durable: nothing before this line can be lost or done again.

        Raises:
            CannotTravelError: a variable holds what cannot travel; the message names it.
            CannotStopError: called from where the function cannot be stopped.
        """
        instance = running()
        with instance.attention:
            return Checkpoint(instance).run()

    def __repr__(self) -> str:
        return "ctx"


ctx = Context()
