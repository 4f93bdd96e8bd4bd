"""The recorded messages of this folder as messages."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SAMPLES = [json.loads(line) for line in (HERE / "samples.jsonl").read_text().splitlines()]
ODDITIES = [json.loads(line) for line in (HERE / "oddities.jsonl").read_text().splitlines()]


def payload_of(message: dict[str, Any]) -> bytes:
    """Returns a line's payload."""
    return base64.b64decode(message["payload_b64"]) if "payload_b64" in message else message.get("payload", "").encode()


def messages_of(oddity: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Gives an oddity's messages; what a publisher wants kept arrives without the flag while we listen.

    Only a sequence says how a message arrived.
    """
    for step in oddity.get("sequence", [oddity]):
        message = {"topic": oddity["topic"]} | step
        if "generate" in step:
            burst = step["generate"]
            for n in range(burst["count"]):
                yield {**burst, "payload": burst["payload"].replace("{n}", str(n))}
        elif "payload" in step or "payload_b64" in step:
            yield message if "sequence" in oddity else {**message, "retain": False}
