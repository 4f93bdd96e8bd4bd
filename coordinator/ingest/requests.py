"""Questions over MQTT: a request with a response topic and correlation data (MQTT 5.0, 4.10), an answer in pages.

The response topic must lie below ``request/answer/``: otherwise anybody could make the coordinator write anywhere. A
request that the broker delivers twice is answered once. Lists are cut into pages below the size that MQTT Explorer
shows; what cannot be cut is one page.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from coordinator.line import Line
from devices.errors import MidstreamError, ProtocolError, RefusedError
from devices.mqtt.delivery import Delivery
from devices.protocol import limits, messages
from devices.protocol.messages import Reply, Request
from devices.protocol.topics import Topics

_AT_A_TIME: Final = 100
"""Requests that are being answered; one that comes on top is refused."""
_REMEMBERED: Final = 1000
"""Requests by which a repeated delivery is known."""
_FRAME: Final = 200
"""Bytes of a page around its rows."""

_log = logging.getLogger(__name__)


class Requests:
    """Answers requests.

    Args:
        line: where they are answered.
        topics: the tree.
        answer: finds the answer: given the name of the asking client and the request.
    """

    def __init__(self, line: Line, topics: Topics, answer: Callable[[str, Request], Awaitable[Any]]) -> None:
        self._line = line
        self._prefix = topics.request_answer("")
        self._answer = answer
        self._seen: OrderedDict[tuple[str, bytes], None] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, delivery: Delivery) -> None:
        """Takes a request and begins to answer it.

        Raises:
            ProtocolError: nobody can be answered, or it is too large.
        """
        where = delivery.response_topic or ""
        client = where.removeprefix(self._prefix)
        if not where.startswith(self._prefix) or not client or any(sign in client for sign in "/+#"):
            raise ProtocolError(f"a request whose response topic is not {self._prefix}<client>", place=delivery.topic)
        if len(delivery.payload) > limits.REQUEST:
            raise ProtocolError(f"a request of {len(delivery.payload)} bytes", place=delivery.topic)
        if len(self._tasks) >= _AT_A_TIME:
            error = RefusedError("too many questions at a time", remedy="ask again in a moment")
            self._send(where, delivery, Reply(ok=False, error=error.to_wire()))
            return
        key = where, delivery.correlation or b""
        if delivery.correlation and key in self._seen:
            return
        self._seen[key] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        task = asyncio.create_task(self._reply(client, where, delivery), name=f"request of {client}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reply(self, client: str, where: str, delivery: Delivery) -> None:
        try:
            request = messages.decode(delivery.payload, Request, delivery.topic)
            replies = pages(await self._answer(client, request))
        except MidstreamError as error:
            replies = [Reply(ok=False, error=error.to_wire())]
        except Exception:  # noqa: BLE001 - whatever it was, who asked must hear of it and the log must say it
            _log.exception("a request of %s could not be answered", client)
            mistake = MidstreamError("the coordinator made a mistake with this question", remedy="its log says which")
            replies = [Reply(ok=False, error=mistake.to_wire())]
        for reply in replies:
            self._send(where, delivery, reply)

    def _send(self, where: str, delivery: Delivery, reply: Reply) -> None:
        self._line.publish(where, messages.encode(reply), correlation=delivery.correlation)

    async def close(self) -> None:
        """Stops answering."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def pages(value: Any) -> list[Reply]:
    """Returns an answer as replies: a list in as many pages as its rows need, anything else in one."""
    if not isinstance(value, list):
        return [Reply(ok=True, value=value)]
    cut: list[list[Any]] = [[]]
    room = limits.SHOWN_MESSAGE - _FRAME
    for row in value:
        size = len(msgspec.json.encode(row)) + 1
        if cut[-1] and size > room:
            cut.append([])
            room = limits.SHOWN_MESSAGE - _FRAME
        cut[-1].append(row)
        room -= size
    return [Reply(ok=True, page=number, pages=len(cut), value=rows) for number, rows in enumerate(cut)]
