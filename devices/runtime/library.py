"""What a function is given by its runtime, and how that travels in an image."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any, Final

from devices import errors
from devices.errors import MidstreamError, ProtocolError
from devices.runtime import files, instance, time_sleep
from devices.runtime.context import ctx
from devices.runtime.effects import Checkpoint, Effect, Next, Publish, Sleep
from devices.runtime.message import Message
from devices.runtime.per_hub import OfThisHub
from devices.runtime.python.library import Library
from devices.runtime.python.values import Registered, Travels
from devices.runtime.resource import Resource
from devices.runtime.subscription import Subscribe, Subscription

_EFFECTS: Final[dict[str, type[Effect]]] = {kind.name: kind for kind in (Next, Sleep, Publish, Checkpoint, Subscribe)}


def take_up(described: dict[str, Any]) -> Any:
    """Goes on with the effect that was saved as ``described``; returns or raises what the function's call does.

    Raises:
        ProtocolError: nothing that an effect has described.
    """
    state = dict(described)
    kind = _EFFECTS.get(state.pop("effect", ""))
    if kind is None:
        raise ProtocolError(f"a checkpoint waits in an effect that is not known here: {described.get('effect')!r}")
    own = instance.running()
    with own.attention:
        try:
            effect = kind.taken_up(own, state)
        except (KeyError, TypeError) as error:
            raise ProtocolError(f"a checkpoint's effect {kind.name!r} is not as it should be: {error}") from error
        return effect.run()


@cache
def given() -> Library:
    """Returns what a function is given on a hub: the same for all in a process, and so made once, before workers fork."""
    return Library(take_up, registered(), files.settle)


def registered() -> Registered:
    """Returns the types and objects of the runtime that a function may hold in a variable."""
    types: dict[type, Travels] = {
        Message: Travels("message", _message_state, _message),
        Subscription: Travels("subscription", Subscription.state, Subscription.restored),
        Resource: Travels("resource", Resource.state, Resource.restored),
        **files.TRAVELS,
    }
    types |= {kind: Travels(f"error-{kind.slug}", kind.to_wire, errors.from_wire) for kind in _kinds(MidstreamError)}
    return Registered(types=types, named={"ctx": ctx, "time.sleep": time_sleep.sleep}, anew=OfThisHub())


def _kinds(root: type[MidstreamError]) -> Iterable[type[MidstreamError]]:
    yield root
    for kind in root.__subclasses__():
        yield from _kinds(kind)


def _message_state(message: Message) -> list[Any]:
    at = message.time.timestamp()
    return [message.topic, message.payload, at, message.params, message.retained, message.qos]


def _message(state: list[Any]) -> Message:
    topic, payload, at, params, retained, qos = state
    then = datetime.fromtimestamp(at, instance.running().zone)
    return Message(topic=topic, payload=payload, time=then, params=params, retained=retained, qos=qos)
