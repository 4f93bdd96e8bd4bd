"""Asks the coordinator over MQTT, as `docs/protocol.md` fixes it: `request`, `request/answer/<client>`.

A silent coordinator is told apart from a missing broker: the broker answers the connection, and what it keeps under
`coordinator/status` says whether the coordinator is there, has left, or has never been.
"""

from __future__ import annotations

import asyncio
import secrets
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from coordinator.cli.options import Target
from coordinator.views import answers
from coordinator.views.question import Question
from devices.errors import ProtocolError, UnreachableError, from_wire
from devices.mqtt.delivery import Delivery
from devices.mqtt.reasons import ConnectionLostError
from devices.mqtt.session import Session
from devices.protocol import limits, messages
from devices.protocol.topics import Topics

STATUS_WAIT: Final = 2.0
"""Seconds for the kept status to come: a round trip, and some for a busy Pi."""
QUICK: Final = 10.0
"""Seconds for an answer that the coordinator has at hand."""
LONG: Final = 90.0
"""Seconds for one that waits for a hub: a large state over a slow network, with the fallback behind it."""
_LONG_ASKS: Final = frozenset(
    {"run", "checkpoint", "suspend", "resume", "migrate", "stop", "inspect", "restore", "drain"}
    | {"deploy", "deploy-rollback", "deploy-status", "apply", "upgrade", "unmute"}
)


class Requests:
    """One connection to the broker for the questions of one command.

    Args:
        target: whom to ask.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.topics = Topics(target.prefix)
        self._client = f"cli-{secrets.token_hex(6)}"
        self._answer = self.topics.request_answer(self._client)
        self._session = Session(target.address, f"midstream-{self._client}", clean_start=True, session_expiry=0)
        self.status: messages.CoordinatorStatus | None = None
        self._status_came = asyncio.Event()
        self._pages: dict[bytes, dict[int, messages.Reply]] = {}
        self._waiting: dict[bytes, asyncio.Future[list[messages.Reply]]] = {}
        self._parts: dict[int, bytes] = {}
        self._part_came = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Connects and finds out whether the coordinator is there.

        Raises:
            UnreachableError: no broker, none that lets us in, or no coordinator.
        """
        try:
            await self._session.__aenter__()
        except UnreachableError as error:
            raise error if self.target.named else _nothing_here(error) from None
        try:
            self._reader = asyncio.create_task(self._read(), name=f"{self._client} reader")
            await self._session.subscribe(
                {self._answer: 1, f"{self._answer}/part/+": 1, self.topics.coordinator_status: 0}
            )
            await self._find_coordinator()
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leave()

    async def ask(self, question: str, arguments: Question) -> Any:
        """Asks, and returns the answer as its struct of `coordinator.views.answers`.

        Args:
            question: a name of `answers.QUESTIONS`.
            arguments: its struct.

        Raises:
            MidstreamError: what the coordinator answers when it cannot or will not.
            UnreachableError: it left or did not answer in time.
            ProtocolError: its answer is not what the contract says.
        """
        correlation = secrets.token_bytes(8)
        answer: asyncio.Future[list[messages.Reply]] = asyncio.get_running_loop().create_future()
        self._waiting[correlation] = answer
        request = messages.Request(ask=question, arguments=msgspec.to_builtins(arguments))
        wait = LONG if question in _LONG_ASKS else QUICK
        try:
            async with asyncio.timeout(wait):
                await self._session.publish(
                    self.topics.request,
                    messages.encode(request),
                    response_topic=self._answer,
                    correlation=correlation,
                    expiry=int(wait),
                )
                pages = await answer
        except TimeoutError:
            raise UnreachableError(
                f"the coordinator did not answer {question!r} within {wait:.0f} s",
                place=self.target.address.place,
                remedy="its log says what it is busy with; the question can be asked again",
            ) from None
        finally:
            self._waiting.pop(correlation, None)
            self._pages.pop(correlation, None)
            if answer.done() and not answer.cancelled():
                answer.exception()  # it may have come while the question was still being published: then that was raised
        return _joined(question, pages)

    async def contribute(self, part: str, data: bytes) -> None:
        """Sends a part that the coordinator has asked for, and returns when the broker has it.

        Args:
            part: its SHA-256, hexadecimal.
            data: its bytes.

        Raises:
            UnreachableError: the broker is gone.
        """
        await self._session.publish(self.topics.contribution(part), data, expiry=limits.PART_EXPIRY)

    async def blob(self, checkpoint: str) -> tuple[answers.BlobAnswer, bytes]:
        """Returns a checkpoint's blob, as the coordinator keeps it; its digest is for the caller to check.

        Raises:
            MidstreamError: as `ask`.
            ProtocolError: fewer bytes came than were announced, or more than a blob may have.
        """
        self._parts.clear()
        told: answers.BlobAnswer = await self.ask("inspect", answers.FetchAsk(checkpoint=checkpoint))
        if told.size > limits.BLOB:
            raise ProtocolError(f"a checkpoint of {told.size} bytes; at most {limits.BLOB} are taken")
        try:
            async with asyncio.timeout(QUICK):
                while len(self._parts) < told.parts:
                    self._part_came.clear()
                    await self._part_came.wait()
        except TimeoutError:
            raise ProtocolError(
                f"{len(self._parts)} of {told.parts} parts of checkpoint {told.checkpoint} came",
                remedy="ask again; a broker that is short of memory drops what it cannot queue",
            ) from None
        return told, b"".join(self._parts[number] for number in sorted(self._parts))

    async def _find_coordinator(self) -> None:
        try:
            async with asyncio.timeout(STATUS_WAIT):
                await self._status_came.wait()
        except TimeoutError:
            raise UnreachableError(
                f"the broker is there, but no coordinator has ever been on it under '{self.topics.prefix}/'",
                place=self.target.address.place,
                remedy=f"start one: midstream coordinator --broker {self.target.address}",
            ) from None
        if self.status is not None and self.status.state == "offline":
            raise self._left()

    def _left(self) -> UnreachableError:
        return UnreachableError(
            "the broker is there, but the coordinator has left it",
            place=self.target.address.place,
            remedy=f"start it again: midstream coordinator --broker {self.target.address}",
        )

    async def _read(self) -> None:
        try:
            async for delivery in self._session.deliveries():
                self._take(delivery)
        except ConnectionLostError as loss:
            self._fail(loss)

    def _take(self, delivery: Delivery) -> None:
        if delivery.topic == self.topics.coordinator_status:
            self.status = messages.decode(delivery.payload, messages.CoordinatorStatus, delivery.topic)
            self._status_came.set()
            if self.status.state == "offline":
                self._fail(self._left())
        elif delivery.topic == self._answer:
            self._take_page(delivery)
        else:
            number = delivery.topic.rpartition("/")[2]
            if number.isdecimal() and len(self._parts) * limits.PART <= limits.BLOB:
                self._parts[int(number)] = delivery.payload
                self._part_came.set()

    def _take_page(self, delivery: Delivery) -> None:
        answer = self._waiting.get(delivery.correlation or b"")
        if answer is None or answer.done():
            return
        try:
            reply = messages.decode(delivery.payload, messages.Reply, delivery.topic)
        except ProtocolError as error:
            answer.set_exception(error)
            return
        pages = self._pages.setdefault(delivery.correlation or b"", {})
        pages[reply.page] = reply
        if len(pages) >= reply.pages:
            answer.set_result([pages[number] for number in sorted(pages)])

    def _fail(self, error: UnreachableError) -> None:
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(error)

    async def _leave(self) -> None:
        await self._session.disconnect()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)


def _nothing_here(error: UnreachableError) -> UnreachableError:
    return UnreachableError(
        error.message,
        remedy="start the whole system on this machine: midstream up; or name your broker: --broker mqtt://host",
    )


def _joined(question: str, pages: list[messages.Reply]) -> Any:
    for reply in pages:
        if not reply.ok:
            raise from_wire(reply.error)
    value = pages[0].value if len(pages) == 1 else [row for reply in pages for row in reply.value or []]
    try:
        return msgspec.convert(value, answers.ANSWERS[question])
    except msgspec.ValidationError as error:
        raise ProtocolError(
            f"the coordinator's answer to {question!r} is not what this version reads: {error}",
            remedy="upgrade the older of the two; 'midstream --version' tells which",
        ) from error


async def asked(target: Target, question: str, arguments: Question) -> Any:
    """Asks one question over a connection of its own. Errors as `Requests`."""
    async with Requests(target) as requests:
        return await requests.ask(question, arguments)


def ask(target: Target, question: str, arguments: Question) -> Any:
    """The same for a command that does nothing else."""
    return asyncio.run(asked(target, question, arguments))
