"""An instance's outputs: numbered by its state, let go when a checkpoint that contains them is durable (rule 17).

Pure logic; the instance sends what `ready` hands out and says what the broker confirmed.
"""

from __future__ import annotations

from collections.abc import Iterable

from devices.errors import ProtocolError
from devices.protocol import limits
from devices.protocol.checkpoint import Output

_MOST = 2 * limits.OUTBOX  # the worker waits at half of it; whoever goes beyond keeps to no contract


class Outbox:
    """The outputs of one instance that the broker has not confirmed.

    Args:
        outputs: those in the checkpoint that it goes on from; that checkpoint is durable.
        sequence: outputs that its state had made.
        published: up to this one all have left already, from another hub.
        muted: nothing leaves: a branch of an older checkpoint, whose outputs the trunk has made.

    Attributes:
        withheld: outputs that it was muted for; they are counted and dropped.
    """

    def __init__(self, outputs: Iterable[Output], *, sequence: int, published: int = 0, muted: bool = False) -> None:
        self._muted = muted
        self.withheld = 0
        self._published = published
        self._waiting = {it.sequence: it for it in outputs if it.sequence > published and not muted}
        self._immediate: set[int] = set()
        self._sent: set[int] = set()
        self._left_early: dict[int, Output] = {}
        self.sequence = sequence
        self.covered = sequence

    def made(self, output: Output, *, immediate: bool = False) -> None:
        """Takes an output from the function.

        One whose number was there before is a repeat, and dropped; so is one that left before the function was set back,
        and that it has now made again.

        Raises:
            ProtocolError: a number is left out, or more wait than the worker may let wait.
        """
        if output.sequence <= self.sequence:
            return
        if output.sequence != self.sequence + 1 or len(self._waiting) >= _MOST:
            raise ProtocolError(f"output {output.sequence} follows {self.sequence}, {len(self._waiting)} waiting")
        self.sequence = output.sequence
        before = self._left_early.get(output.sequence)
        again = before is not None and (before.topic, before.payload) == (output.topic, output.payload)
        if self._muted:
            self.withheld += 1
        if self._muted or again or output.sequence <= self._published:
            return
        self._waiting[output.sequence] = output
        if immediate:
            self._immediate.add(output.sequence)

    def mute(self, *, muted: bool) -> None:
        """Lets no output leave from now on, those that wait included; or lets those leave that are made from now on."""
        self._muted = muted
        if muted:
            self._waiting.clear()

    def snapshot(self) -> list[Output]:
        """Returns what a checkpoint of the present state carries: all that is not confirmed."""
        return list(self._waiting.values())

    def cover(self, sequence: int) -> None:
        """Says that a checkpoint of a state that had made ``sequence`` outputs is durable."""
        self.covered = max(self.covered, sequence)
        for number in [number for number in self._left_early if number <= sequence]:
            del self._left_early[number]

    def ready(self) -> list[Output]:
        """Returns the outputs that may leave now and have not been handed out on this connection, in order."""
        ready = [
            output
            for number, output in self._waiting.items()
            if number not in self._sent and (number <= self.covered or number in self._immediate)
        ]
        self._sent.update(output.sequence for output in ready)
        return ready

    def confirm(self, output: Output) -> None:
        """Says that the broker has an output, or will never take it; one that was rolled back meanwhile is ignored."""
        number = output.sequence
        if self._waiting.get(number) is not output:
            return
        del self._waiting[number]
        self._sent.discard(number)
        self._immediate.discard(number)
        if number > self.covered:
            self._left_early[number] = output

    def connection_ended(self) -> None:
        """Says that what was handed out and not confirmed has to be sent again, under the same keys."""
        self._sent.clear()

    def roll_back(self, sequence: int) -> None:
        """Forgets what a state behind ``sequence`` has made: it never was."""
        for number in [number for number in self._waiting if number > sequence]:
            output = self._waiting.pop(number)
            if number in self._immediate and number in self._sent:
                self._left_early[number] = output
            self._sent.discard(number)
            self._immediate.discard(number)
        self.sequence = sequence

    @property
    def waiting(self) -> int:
        """Outputs that the broker has not confirmed."""
        return len(self._waiting)

    @property
    def uncovered(self) -> bool:
        """Whether an output waits for a checkpoint."""
        return any(number > self.covered and number not in self._immediate for number in self._waiting)

    @property
    def muted(self) -> bool:
        """Whether nothing leaves."""
        return self._muted

    @property
    def published(self) -> int:
        """Up to this number all outputs are confirmed."""
        return min(self._waiting, default=self.sequence + 1) - 1

    def confirmed_up_to(self, sequence: int) -> bool:
        """Tells whether the broker has all outputs up to a number."""
        return not any(number <= sequence for number in self._waiting)
