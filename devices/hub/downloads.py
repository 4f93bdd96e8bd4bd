"""Checkpoints on their way down: parts in any order, some before anybody says what they are parts of.

Every hub hears the parts of all checkpoints: one wildcard is all that the embedded broker bears, and who is meant is
known only with the claim. So what is not asked for is kept for a while, within bounds.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Final

from devices.errors import DamagedError, ProtocolError
from devices.protocol import limits
from devices.protocol.checkpoint import blob_digest

_KEPT: Final = 30.0
"""Seconds that parts are kept which nobody here asked for."""
_ARRIVES: Final = 20.0
"""Seconds without a further part after which a checkpoint that was asked for is given up."""


@dataclass(slots=True)
class _Download:
    parts: dict[int, bytes] = field(default_factory=dict)
    latest: float = 0.0
    wanted: int = 0  # by so many
    grown: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def size(self) -> int:
        return sum(map(len, self.parts.values()))


class Downloads:
    """The checkpoints that come down to this hub."""

    def __init__(self) -> None:
        self._downloads: dict[str, _Download] = {}

    def take_part(self, checkpoint: str, number: str, payload: bytes) -> None:
        """Takes one part.

        Args:
            checkpoint: from the topic.
            number: from the topic, from 0.
            payload: the bytes.

        Raises:
            ProtocolError: no part of a checkpoint within the limits.
        """
        if not (number.isdecimal() and len(number) <= 6 and int(number) * limits.PART < limits.BLOB):
            raise ProtocolError(f"{number[:20]!r} is no number of a part of checkpoint {checkpoint[:50]}")
        if not 0 < len(payload) <= limits.PART:
            raise ProtocolError(f"a part of {len(payload)} bytes of checkpoint {checkpoint[:50]}")
        now = time.monotonic()
        if checkpoint not in self._downloads:
            self._make_room(now)
        download = self._downloads.setdefault(checkpoint, _Download())
        download.parts[int(number)] = payload
        download.latest = now
        download.grown.set()

    def _make_room(self, now: float) -> None:
        unwanted = [(it.latest, name) for name, it in self._downloads.items() if not it.wanted]
        for latest, name in sorted(unwanted):
            too_many = len(self._downloads) >= limits.UPLOADS or self._bytes() > limits.BLOB
            if too_many or now - latest > _KEPT:
                del self._downloads[name]

    def _bytes(self) -> int:
        return sum(it.size for it in self._downloads.values())

    async def whole(self, checkpoint: str, size: int, digest: str) -> bytes:
        """Returns a checkpoint when all of it is there; a second call finds it again while it is kept.

        Args:
            checkpoint: its id.
            size: bytes.
            digest: SHA-256, hexadecimal.

        Raises:
            ProtocolError: larger than allowed, or parts stopped coming.
            DamagedError: the parts do not add up to what was announced.
        """
        if not 0 < size <= limits.BLOB:
            raise ProtocolError(f"a checkpoint of {size} bytes; at most {limits.BLOB} are taken")
        count = -(-size // limits.PART)
        download = self._downloads.setdefault(checkpoint, _Download(latest=time.monotonic()))
        download.wanted += 1
        try:
            await self._complete(download, checkpoint, count)
        finally:
            download.wanted -= 1
        blob = download.parts[0] if count == 1 else b"".join(download.parts[number] for number in range(count))
        fits = len(blob) == size
        small = size <= limits.PART
        fits = fits and (blob_digest(blob) if small else await asyncio.to_thread(blob_digest, blob)).hex() == digest
        if not fits:
            self.forget(checkpoint)
            raise DamagedError(f"the parts of checkpoint {checkpoint} do not fit its digest: cut short or altered")
        return blob

    async def _complete(self, download: _Download, checkpoint: str, count: int) -> None:
        while any(number not in download.parts for number in range(count)):
            download.grown.clear()
            try:
                async with asyncio.timeout(_ARRIVES):
                    await download.grown.wait()
            except TimeoutError:
                got = len(download.parts)
                raise ProtocolError(f"{got} of {count} parts of checkpoint {checkpoint} came") from None

    def forget(self, checkpoint: str) -> None:
        """Drops what has come of a checkpoint: it is used, or for somebody else."""
        if (download := self._downloads.get(checkpoint)) is not None and not download.wanted:
            del self._downloads[checkpoint]
