"""`record`: what is said on the broker, a line of JSON a message, to try rules on and to see what we make of it."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import click

from coordinator.cli.options import COMMON, Target, target

if TYPE_CHECKING:
    from devices.mqtt.delivery import Delivery

_FLUSHED: Final = 1.0
"""Seconds after which what was heard is in the file."""


@click.command(
    epilog="\b\nExamples:\n  midstream record evening.jsonl\n"
    "  midstream record --topic 'tele/#' --topic 'zigbee2mqtt/#' --for 10m evening.jsonl\n"
    "  midstream record - | jq .topic\n  midstream rules test --replay evening.jsonl rules"
)
@click.argument("file", metavar="FILE")
@click.option("--topic", "topics", metavar="FILTER", multiple=True, help="What is recorded; repeatable; else all: '#'.")
@click.option("--for", "lasting", metavar="DURATION", default="", help="Stop after that: 10m. Else Ctrl-C ends it.")
@click.option("--append", is_flag=True, help="Go on in a FILE that is there.")
@COMMON
def record(file: str, *, topics: tuple[str, ...], lasting: str, append: bool, **given: Any) -> None:
    """Writes what is said on the broker into FILE ('-' is the terminal): time, topic, payload, retain and qos, a line each.

    A payload that is no text stands as payload_b64. What the broker has kept comes first, with "retain": true. Of
    Midstream's own messages only the words of hubs and events are recorded: checkpoints hold the values of functions.
    """
    from devices.errors import UsageError
    from devices.protocol import durations

    whom = target(given)
    seconds = durations.seconds(lasting) if lasting else None
    if file == "-":
        _record(whom, topics, seconds, sys.stdout.buffer)
        return
    try:
        with Path(file).open("ab" if append else "xb") as lines:
            _record(whom, topics, seconds, lines)
    except FileExistsError:
        raise UsageError(f"there is a file {file} already", remedy="choose another name, or --append") from None
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", place=file) from error


def _record(whom: Target, topics: tuple[str, ...], seconds: float | None, lines: IO[bytes]) -> None:
    from devices.protocol.topics import wire_filter

    recorder = _Recorder(whom, lines)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(recorder.run([wire_filter(each) for each in topics] or ["#"], seconds))
    lines.flush()
    click.echo(recorder.summary(), err=True)


class _Recorder:
    def __init__(self, whom: Target, lines: IO[bytes]) -> None:
        self._whom = whom
        self._own = f"{whom.prefix}/"
        self._lines = lines
        self._count = self._large = 0
        self._heard: set[str] = set()

    async def run(self, filters: list[str], seconds: float | None) -> None:
        """Records until it is cancelled, or for a while."""
        from devices.mqtt.session import Session

        name = f"midstream-record-{secrets.token_hex(4)}"
        async with Session(self._whom.address, name, clean_start=True, session_expiry=0) as session:
            await session.subscribe(dict.fromkeys(filters, 1))
            flushing = asyncio.create_task(self._flush(), name="recording")
            try:
                async with asyncio.timeout(seconds):
                    async for delivery in session.deliveries():
                        self._take(delivery)
            except TimeoutError:
                pass
            finally:
                flushing.cancel()

    def summary(self) -> str:
        """Returns what was recorded, in words."""
        large = f"; {self._large} were too large" if self._large else ""
        return f"{self._count} messages of {len(self._heard)} topics{large}"

    def _take(self, delivery: Delivery) -> None:
        from coordinator.recording import written
        from devices.protocol import limits

        if not self._wanted(delivery.topic):
            return
        if len(delivery.payload) > limits.TELEMETRY:
            self._large += 1
            return
        self._lines.write(written(delivery.topic, delivery.payload, retain=delivery.retain, qos=delivery.qos))
        self._count += 1
        if len(self._heard) < limits.TELEMETRY_TOPICS:
            self._heard.add(delivery.topic)

    def _wanted(self, topic: str) -> bool:
        if not topic.startswith(self._own):
            return True
        branch, _, leaf = topic.removeprefix(self._own).partition("/")
        words = branch == "hubs" and leaf.rpartition("/")[2] in ("metrics", "status", "info")
        return words or branch == "events"

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(_FLUSHED)
            self._lines.flush()
