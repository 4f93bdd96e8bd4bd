"""The source's side of a move, from the verdict on: the commit point, and what was heard too late for the checkpoint.

Up to the release this hub may cancel alone; behind it the function is another's, and only a newer claim brings it back
(`docs/protocol.md`, rule 19).
"""

from __future__ import annotations

import asyncio
import base64

import msgspec

from devices.errors import MidstreamError
from devices.hub.captures import Taken
from devices.hub.instance import Instance
from devices.hub.life import Life
from devices.hub.moment import spelled
from devices.hub.spool import Released as ReleasedEntry
from devices.hub.spool import Resumed, Suspended
from devices.mqtt.delivery import Delivery
from devices.protocol import answers, limits
from devices.protocol.answers import LateMail
from devices.protocol.commands import LateMessage

_PIECE = limits.SHOWN_MESSAGE - 1000
"""Bytes of a piece of late mail; the rest of a shown message is for what stands around it."""


async def release(life: Life, taken: Taken, *, disconnects: bool, command: str) -> answers.Released:
    """Gives a held function away; returns the word to the coordinator.

    What the checkpoint covers leaves and is acknowledged first. The session is left, or waits to be taken over.

    Args:
        life: of the held instance; its checkpoint is durable.
        taken: that checkpoint.
        disconnects: whether the broker wants the session left before another connects (rule 20).
        command: id of the command that this answers.

    Raises:
        MidstreamError: the spool cannot note it; the instance is not released.
    """
    instance = life.instance
    await life.outputs_confirmed(taken.cut.sequence)
    life.session.acknowledge(all_covered=True)
    if disconnects:
        # Before the word: what the embedded broker has not seen acknowledged by then, it sends again, unmarked.
        await life.session.leave()
    await life.ahead.nothing_is_owed()
    entry = ReleasedEntry(epoch=instance.epoch, move=instance.move, checkpoint=taken.id, disconnected=disconnects)
    try:
        await asyncio.to_thread(instance.spool.note, entry)
    except OSError as error:
        if disconnects:
            life.session.open()
        raise MidstreamError(f"the release cannot be noted in the spool: {error.strerror}") from error
    instance.become("moving")
    if disconnects:
        send_late_mail(instance)
    else:
        life.late_mail = life.tasks.start(_late_mail_after_takeover(life), "late mail")
    return released(life, command)


def released(life: Life, command: str) -> answers.Released:
    """Returns the word that an instance is released; also to a repeated command."""
    instance = life.instance
    return answers.Released(
        hub=instance.hub.name,
        id=command,
        instance=instance.name,
        epoch=instance.epoch,
        move=instance.move,
        checkpoint=instance.header.checkpoint,
        published=instance.outbox.published,
        disconnected=not life.session.is_open,
    )


async def suspend(life: Life, taken: Taken, until: str = "") -> None:
    """Ends the process of a held function whose checkpoint is kept; the session stays here and fills the mailbox.

    Args:
        life: of the function.
        taken: the checkpoint behind which it is held.
        until: what lets it go on, if this hub has suspended it by itself.

    Raises:
        MidstreamError: the spool cannot note it; the function is still held.
    """
    instance = life.instance
    try:
        await asyncio.to_thread(instance.spool.note, Suspended(epoch=instance.epoch, checkpoint=taken.id, until=until))
    except OSError as error:
        raise MidstreamError(f"the suspension cannot be noted in the spool: {error.strerror}") from error
    life.process.end()
    instance.until = until
    instance.become("suspended", f"{taken.told.reason}; it goes on when {until}" if until else taken.told.reason)
    life.mail.arrived()


async def call_off_suspension(life: Life, why: str) -> None:
    """Has a suspended function go on here, also after a restart of this agent.

    Args:
        life: of the function.
        why: in words.
    """
    instance = life.instance
    try:
        await asyncio.to_thread(instance.spool.note, Resumed(epoch=instance.epoch))
    except OSError as error:
        instance.complain(MidstreamError(f"the spool takes nothing: {error.strerror}"))
    if instance.state == "suspended":
        await life.process.set_back(why)


async def _late_mail_after_takeover(life: Life) -> None:
    await life.session.over()
    send_late_mail(life.instance)


def send_late_mail(instance: Instance) -> None:
    """Sends what came at QoS 0 since the cut, in order; an empty list is told too, so that nobody waits for it."""
    pieces = late_pieces(instance.mailbox.end_late())
    for index, piece in enumerate(pieces):
        instance.hub.control.answer(
            LateMail(
                hub=instance.hub.name,
                instance=instance.name,
                epoch=instance.epoch,
                index=index,
                total=len(pieces),
                messages=piece,
            )
        )


def late_pieces(late: list[tuple[Delivery, float]]) -> list[list[LateMessage]]:
    """Cuts late mail into pieces that are no longer than a shown message, one message at least in each."""
    pieces: list[list[LateMessage]] = [[]]
    room = _PIECE
    for delivery, at in late:
        message = LateMessage(
            topic=delivery.topic,
            payload=base64.b64encode(delivery.payload).decode(),
            qos=delivery.qos,
            retain=delivery.retain,
            at=spelled(at),
        )
        size = len(msgspec.json.encode(message)) + 1
        if size > room and pieces[-1]:
            pieces.append([])
            room = _PIECE
        pieces[-1].append(message)
        room -= size
    return pieces
