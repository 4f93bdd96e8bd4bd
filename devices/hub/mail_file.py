"""Messages that were acknowledged and are in no checkpoint: those of a suspended function, on the hub's disk (rule 15).

One file beside the checkpoints, to which batches are appended, one sync each: a checkpoint for each hundred messages
would write all that wait once more each time. A line is a checksum and JSON, as in the journal; half a line at the end
is one whose message was not acknowledged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from devices.hub.behind import Saved
from devices.hub.durable import sync_folder, write_synced
from devices.hub.lines import line_of, text_of

_lines = msgspec.json.Decoder(Saved)


class MailFile:
    """The file of one instance.

    Args:
        path: made when something is kept.
        count: is told the bytes of each write.
    """

    def __init__(self, path: Path, count: Callable[[int], None]) -> None:
        self._path = path
        self._count = count

    def append(self, messages: Iterable[Saved]) -> None:
        """Keeps some more, in order; durable when it returns.

        Raises:
            OSError: the disk is full or broken; then none of them is kept.
        """
        lines = b"".join(map(line_of, messages))
        is_new = not self._path.exists()
        with self._path.open("ab") as file:
            write_synced(file.fileno(), lines)
        if is_new:
            sync_folder(self._path.parent)
        self._count(len(lines))

    def read(self) -> list[Saved]:
        """Returns what is kept and whole, in order."""
        try:
            lines = self._path.read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        kept = []
        for line in lines:
            try:
                text = text_of(line)
            except ValueError:
                break
            kept.append(_lines.decode(text))
        return kept

    def clear(self) -> None:
        """Forgets everything: a checkpoint holds it."""
        self._path.unlink(missing_ok=True)
