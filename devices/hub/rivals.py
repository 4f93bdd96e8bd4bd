"""Two hubs of one name: the second refuses to begin, and the first notices nothing.

Connecting the control session would throw the first one out, so this is asked before, on a connection with another id;
and again before it comes back after a loss, which may have been the doing of one that began in the same moment.
A retained status may be a dead hub's; so whoever has the name is asked a question that changes nothing. An answer is a
rival's. Silence is none: a hub that died with its machine has a status that says online until its keep-alive is over.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from devices.errors import MidstreamError, RefusedError
from devices.mqtt.session import Session
from devices.protocol import messages
from devices.protocol.answers import AnyAnswer
from devices.protocol.commands import GoOn
from devices.protocol.messages import HubInfo, HubStatus
from devices.protocol.topics import Topics

_ANSWERS: Final = 1.5
"""Seconds for a living agent's answer; it is asked only if a status says that there is one."""
_RETAINED: Final = 0.3
"""Seconds for retained messages to come behind the SUBACK; none may be there at all."""


async def require_none(session: Session, hub: str, topics: Topics, own: HubStatus, key: str) -> None:
    """Returns if no other living agent has this hub's name.

    Args:
        session: a connection with an id of its own.
        hub: the name.
        topics: the tree.
        own: the status of this very start.
        key: ours, public, hexadecimal: two folders on one machine have the same boot and may count the same starts.

    Raises:
        RefusedError: another agent has the name.
    """
    status, info = await _retained(session, hub, topics)
    if status is None or status.state == "offline":
        return
    ours = (status.boot, status.start) == (own.boot, own.start) and (info is None or info.key == key)
    if not ours and await _answers(session, hub, topics):
        where = "on this machine, from another folder" if status.boot == own.boot else "on another machine"
        raise RefusedError(
            f"a hub with the name {hub!r} is running already, {where}",
            remedy="give this one another name: --name, or name in hub.toml",
        )


async def _retained(session: Session, hub: str, topics: Topics) -> tuple[HubStatus | None, HubInfo | None]:
    status: HubStatus | None = None
    info: HubInfo | None = None
    await session.subscribe({topics.hub(hub, "status"): 0, topics.hub(hub, "info"): 0})
    try:
        async with asyncio.timeout(_RETAINED):
            while (status is None or info is None) and (delivery := await session.next_delivery()) is not None:
                with contextlib.suppress(MidstreamError):
                    if delivery.topic == topics.hub(hub, "status"):
                        status = messages.decode(delivery.payload, HubStatus, delivery.topic)
                    else:
                        info = messages.decode(delivery.payload, HubInfo, delivery.topic)
    except TimeoutError:
        pass
    return status, info


async def _answers(session: Session, hub: str, topics: Topics) -> bool:
    question = GoOn(
        id=f"who-{session.client_id}", instance="", epoch=0, move="", reason="is there a hub with this name?"
    )
    await session.subscribe({topics.hub(hub, "answer"): 0})
    await session.publish(topics.hub(hub, "command"), messages.encode(question), expiry=2)
    try:
        async with asyncio.timeout(_ANSWERS):
            while (delivery := await session.next_delivery()) is not None:
                if delivery.topic != topics.hub(hub, "answer"):
                    continue
                with contextlib.suppress(MidstreamError):
                    answer: AnyAnswer = messages.decode(delivery.payload, AnyAnswer, delivery.topic)  # type: ignore[arg-type]
                    if answer.id == question.id:
                        return True
    except TimeoutError:
        pass
    return False
