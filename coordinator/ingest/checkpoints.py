"""Checkpoints on their way up: parts in any order, some twice, some never; verified before they are committed.

What a hub announces in `Captured` (parts, size, digest) is what the parts must add up to; the header inside must be
signed with the hub's pinned key and say the same instance, epoch and ids. Parts may come before their announcement,
so uploads are bounded in number, bytes and time, whoever sends them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import Final

import msgspec

from coordinator.store import schema
from devices.errors import DamagedError, ProtocolError
from devices.protocol import checkpoint as blobs
from devices.protocol import limits
from devices.protocol.answers import Captured
from devices.protocol.checkpoint import Header
from devices.protocol.messages import CheckpointSummary

_INLINE: Final = limits.PART
"""Bytes up to which hashing and decoding take less than a change of threads is worth, about a millisecond."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Upload:
    parts: dict[int, bytes] = field(default_factory=dict)
    size: int = 0
    latest: float = 0.0
    grown: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class Verified:
    """A checkpoint whose bytes are what its hub signed."""

    header: Header
    blob: bytes
    signer: bytes
    told: Captured

    @property
    def digest(self) -> str:
        """SHA-256 of the blob, hexadecimal."""
        return self.told.digest

    def row(self) -> schema.Checkpoint:
        """Returns it as a row of the lineage."""
        return row_of(self.header, self.blob, self.signer, self.told)

    def summary(self) -> CheckpointSummary:
        """Returns what may be published: no values."""
        header = self.header
        return CheckpointSummary(
            checkpoint=header.checkpoint,
            instance=header.instance,
            parent=header.parent,
            epoch=header.epoch,
            function=header.function.name,
            hub=header.hub,
            reason=header.reason,
            created=header.created,
            bytes=len(self.blob),
            line=self.told.line,
            statement=self.told.statement,
            frames=self.told.frames,
            variables=self.told.variables,
            unread=len(header.mailbox.unread),
            outputs=len(header.outputs),
        )


def row_of(header: Header, blob: bytes, signer: bytes, told: Captured | None = None) -> schema.Checkpoint:
    """Returns a checkpoint's row; ``told`` adds its variables, which the header does not list."""
    place = header.place
    return schema.Checkpoint(
        id=header.checkpoint,
        instance=header.instance,
        parent=header.parent,
        epoch=header.epoch,
        hub=header.hub,
        reason=header.reason,
        created=header.created,
        size=len(blob),
        digest=told.digest if told else blobs.blob_digest(blob).hex(),
        signer=signer,
        engine=header.engine.name,
        packages=header.engine.packages,
        line=place.line if place else "",
        statement=place.statement if place else "",
        frames=place.frames if place else [],
        variables=[msgspec.to_builtins(variable) for variable in told.variables] if told else [],
        unread=len(header.mailbox.unread),
        outputs=len(header.outputs),
        sequence=header.sequence,
        wait=None if header.wait is None else msgspec.to_builtins(header.wait),
    )


class Uploads:
    """The blobs that are on their way up."""

    def __init__(self) -> None:
        self._uploads: dict[str, _Upload] = {}
        self._size = 0

    def take_part(self, checkpoint: str, number: str, payload: bytes) -> None:
        """Takes one part; a repeated one replaces itself.

        Args:
            checkpoint: the id from the topic.
            number: the part's number from the topic.
            payload: its bytes.

        Raises:
            ProtocolError: no part of a blob within the limits.
        """
        if not (
            number.isascii() and number.isdecimal() and len(number) <= 6 and int(number) * limits.PART < limits.BLOB
        ):
            raise ProtocolError(f"{number!r} is no number of a part", place=f"checkpoint {checkpoint[:50]}")
        if len(payload) > limits.PART or not payload:
            raise ProtocolError(f"a part of {len(payload)} bytes", place=f"checkpoint {checkpoint[:50]}")
        upload = self._uploads.setdefault(checkpoint, _Upload())
        before = len(upload.parts.get(int(number), b""))
        upload.parts[int(number)] = payload
        upload.size += len(payload) - before
        self._size += len(payload) - before
        upload.latest = time.monotonic()
        upload.grown.set()
        self._keep_within_limits(checkpoint)

    def complete(self, told: Captured) -> bool:
        """Whether all parts of an announced checkpoint are here."""
        upload = self._uploads.get(told.checkpoint)
        return upload is not None and len(upload.parts) >= told.parts

    async def verified(self, told: Captured, key: bytes) -> Verified:
        """Returns the checkpoint that a hub has announced, when all its parts have come.

        Args:
            told: the announcement.
            key: the hub's pinned key.

        Raises:
            ProtocolError: an announcement beyond the limits; parts that stopped coming; a header that says another
                instance, epoch or hub than the announcement.
            DamagedError: cut short, altered, or signed with another key.
        """
        blob = await self.whole(told)
        if len(blob) <= _INLINE:
            header = _checked(blob, told, key)
        else:
            header = await asyncio.to_thread(_checked, blob, told, key)
        return Verified(header, blob, key, told)

    async def whole(self, told: Captured) -> bytes:
        """Returns the bytes that a hub has announced, unchecked, when all their parts have come.

        Raises:
            ProtocolError: an announcement beyond the limits; parts that stopped coming.
        """
        if not (0 < told.size <= limits.BLOB and told.parts == -(-told.size // limits.PART)):
            raise ProtocolError(f"a checkpoint of {told.size} bytes in {told.parts} parts", place=f"hub {told.hub}")
        upload = self._uploads.setdefault(told.checkpoint, _Upload(latest=time.monotonic()))
        try:
            while len(upload.parts) < told.parts:
                upload.grown.clear()
                left = upload.latest + limits.UPLOAD - time.monotonic()
                async with asyncio.timeout(max(left, 0.0)):
                    await upload.grown.wait()
        except TimeoutError:
            got = len(upload.parts)
            self._drop(told.checkpoint)
            raise ProtocolError(
                f"{got} of {told.parts} parts of checkpoint {told.checkpoint} came", place=f"hub {told.hub}"
            ) from None
        self._drop(told.checkpoint)
        if told.parts == 1:
            return upload.parts.get(0, b"")
        return b"".join(upload.parts[number] for number in sorted(upload.parts))

    def expire(self, moment: float) -> None:
        """Drops what was begun and never announced.

        Args:
            moment: monotonic seconds.
        """
        for checkpoint, upload in list(self._uploads.items()):
            if moment - upload.latest > limits.UPLOAD:
                _log.warning("parts of checkpoint %s came and were never announced", checkpoint)
                self._drop(checkpoint)

    def _keep_within_limits(self, newest: str) -> None:
        while len(self._uploads) > limits.UPLOADS or self._size > limits.UPLOAD_BYTES:
            oldest = min(
                (c for c in self._uploads if c != newest), key=lambda c: self._uploads[c].latest, default=newest
            )
            _log.warning("parts of checkpoint %s give way: too much is on its way", oldest)
            self._drop(oldest)

    def _drop(self, checkpoint: str) -> None:
        upload = self._uploads.pop(checkpoint, None)
        if upload is not None:
            self._size -= upload.size


def _checked(blob: bytes, told: Captured, key: bytes) -> Header:
    try:
        digest = bytes.fromhex(told.digest)
    except ValueError as error:
        raise ProtocolError("a digest that is not hexadecimal", place=f"checkpoint {told.checkpoint}") from error
    if len(blob) != told.size:
        raise DamagedError(f"checkpoint {told.checkpoint} has {len(blob)} bytes where {told.size} were announced")
    header, _ = blobs.decode_header(blob, public=key, digest=digest)
    inside = (header.checkpoint, header.instance, header.epoch, header.hub)
    if inside != (told.checkpoint, told.instance, told.epoch, told.hub):
        raise ProtocolError(
            f"checkpoint {told.checkpoint} says something else than its announcement", place=f"hub {told.hub}"
        )
    return header
