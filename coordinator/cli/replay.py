"""The same run that was never moved: the function's file as plain Python, over the messages that the broker heard.

No hub, no checkpoint, no engine takes part: the file is imported, `ctx` in it is replaced by one that reads from a
list, and the function is called. What it returns is what an unmoved run returns.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from devices.errors import SourceError
from devices.mqtt.delivery import Delivery
from devices.protocol import topics
from devices.runtime.message import Message


class Replayed:
    """A `ctx` whose messages are already there and whose outputs go nowhere.

    Args:
        heard: the messages, in the order in which the broker passed them on.
    """

    hub = "nowhere"

    def __init__(self, heard: Sequence[Delivery]) -> None:
        self._heard = heard

    def subscribe(self, *filters: str, **_: Any) -> Iterator[Message]:
        """Gives every message that a filter covers."""
        now = datetime.now(UTC)
        for delivery in self._heard:
            covering = next((one for one in filters if topics.matches(one, delivery.topic)), None)
            if covering is not None:
                yield Message(
                    topic=delivery.topic,
                    payload=delivery.payload,
                    time=now,
                    params=topics.segments(covering, delivery.topic),
                    qos=delivery.qos,
                )

    def publish(self, topic: str, payload_: Any, **_: Any) -> None:
        """Nobody hears it."""

    def status(self, text: str | None = None, **values: Any) -> None:
        """Nobody sees it."""


def replay(file: Path, function: str, arguments: dict[str, Any], heard: Sequence[Delivery]) -> Any:
    """Returns what a function of a file returns when it is run to its end over these messages.

    Raises:
        SourceError: there is no such function in the file.
    """
    spec = importlib.util.spec_from_file_location("midstream_unmoved", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    body = getattr(module, function, None)
    if body is None:
        raise SourceError(f"there is no function {function!r} in it", place=str(file))
    vars(module)["ctx"] = Replayed(heard)
    return body(**arguments)
