"""Answers to the hub's `Capture`: where the state is read, and what the function does afterwards.

A function that computes is stopped by the engine at its next good place; a function that waits in an effect is read
there, with the effect's descriptor as its innermost frame. An effect that stands where the engine cannot read it (under
C code that called back, as in a sort key) leaves the request open: the effect may end in time, and the next good place
comes. The image of a large state comes later, beside the link (`hatch`), and the function goes on meanwhile; not where it
would stand still all the same: held, or in a wait for this very checkpoint.

The cut is the order of frames on the link: `Captured` follows all that the state has sent, and counts what it has been
given. Held, the function stands still in here until `GoOn`; a hub that needs it no more kills the process.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from devices.errors import CannotStopError, MidstreamError
from devices.protocol import link, messages, waits
from devices.runtime.attention import Attention
from devices.runtime.channel import Channel, leave
from devices.runtime.hatch import Hatch
from devices.runtime.python.capture import Image, Reading
from devices.runtime.python.engine import Execution


@dataclass(slots=True)
class Progress:
    """What the state has been given and has given away.

    Attributes:
        sequence: outputs made.
        durable: of them, those that are where failover will look for them.
        delivered: messages handed over.
        held: seconds that the function was held here, or its hub deaf.
    """

    sequence: int
    durable: int
    delivered: int
    held: float = 0.0


class Wait(Protocol):
    """What an effect tells about itself."""

    def described(self) -> dict[str, Any]:
        """Returns what the effect is taken up from: plain data and values of the function."""

    waits_for_checkpoint: ClassVar[bool]
    """Whether the checkpoint itself is what it waits for."""

    def told(self) -> waits.Wait | None:
        """Returns for what it waits and until when; ``None`` if that is soon over."""

    def captured(self, number: int) -> None:
        """Checkpoint ``number`` was taken in it."""

    def not_captured(self, error: MidstreamError) -> None:
        """A checkpoint that was asked for could not be taken."""


class Captures:
    """The capture that is asked for, at most one at a time.

    Args:
        channel: to the hub.
        hatch: the way of large images.
        attention: held while the engine hands over a state.
        execution: the engine's.
        progress: of the function; ``durable`` and ``held`` are written here.
        packages: that the function's files import, and their versions.
    """

    def __init__(  # noqa: PLR0917
        self,
        channel: Channel,
        hatch: Hatch,
        attention: Attention,
        execution: Execution,
        progress: Progress,
        packages: dict[str, str],
    ) -> None:
        self._packages = packages
        self._channel = channel
        self._hatch = hatch
        self._attention = attention
        self._execution = execution
        self._progress = progress
        self._wanted: link.Capture | None = None
        self._asked = 0.0
        self._running_on = False  # the engine looks for a place
        self._waits: waits.Wait | None = None  # in what the state is read

    def ask(self, frame: link.Capture) -> None:
        """Takes a note of a request; `run_on` or `take` follows. It takes the place of one that is still open."""
        if self._wanted is not None:
            self._look_no_more()
            self._fail(CannotStopError("another checkpoint was asked for before a place to stop was reached"))
        self._wanted = frame
        self._asked = time.monotonic()
        self._progress.held += frame.deaf

    def time_left(self) -> float | None:
        """Seconds within which the open request must be answered; ``None``: there is none."""
        if self._wanted is None:
            return None
        return max(0.0, self._asked + self._wanted.limit - time.monotonic())

    def run_on(self) -> None:
        """Lets the engine stop the function at its next good place, if a checkpoint is wanted."""
        left = self.time_left()
        if left is not None and not self._running_on:
            self._running_on = True
            self._execution.request(self._taken, self._not_taken, left, self._passes_on)

    def take(self, wait: Wait, *, nested: bool) -> None:
        """Reads the state in an effect, if a checkpoint is wanted and this is a place for it.

        Args:
            wait: the effect.
            nested: it was called by a ``where=`` that another effect has called.
        """
        wanted, left = self._wanted, self.time_left()
        if wanted is None or left is None:
            return
        self._look_no_more()
        self._waits = wait.told()
        try:
            image = self._image_in(wait, nested=nested)
        except CannotStopError as error:
            if left > 0.0:
                self.run_on()
                return
            self._fail(error)
            wait.not_captured(error)
        except MidstreamError as error:
            self._fail(error)
            wait.not_captured(error)
        else:
            wait.captured(wanted.number)
            if image is not None:
                self._answer_here(image)
        finally:
            self._waits = None

    def _look_no_more(self) -> None:
        if self._running_on:
            self._running_on = False
            self._execution.withdraw()

    def _image_in(self, wait: Wait, *, nested: bool) -> Image | None:
        if nested:
            raise CannotStopError("the function is inside of a where= of its own")
        elsewhere = _never if wait.waits_for_checkpoint else self._passes_on
        return self._execution.capture_in_effect(wait.described(), elsewhere)

    def _taken(self, image: Image) -> None:
        with self._attention:
            self._running_on = False
            self._answer_here(image)

    def _passes_on(self, reading: Reading) -> bool:
        """Leaves the making of the image to the hatch, if it takes it."""
        with self._attention:
            wanted = self._wanted
            if wanted is None or wanted.hold or not self._hatch.takes(reading, wanted.number, wanted.encoding):
                return False
            self._running_on = False
            self._answer(reading)
            return True

    def _not_taken(self, error: MidstreamError) -> None:
        with self._attention:
            self._running_on = False
            self._fail(error)

    def _fail(self, error: MidstreamError) -> None:
        if self._wanted is not None:
            number, self._wanted = self._wanted.number, None
            self._channel.send(link.NotCaptured(number=number, error=error.to_wire()))

    def _answer_here(self, image: Image) -> None:
        self._hatch.made_here(image.data)
        self._answer(image, image.data, image.encode_ms)

    def _answer(self, read: Image | Reading, image: bytes = b"", encode_ms: float = 0.0) -> None:
        assert self._wanted is not None
        wanted, self._wanted = self._wanted, None
        since_asked = (time.monotonic() - self._asked) * 1000
        self._channel.send(
            link.Captured(
                number=wanted.number,
                image=image,
                line=f"{read.place.file}:{read.place.line}",
                statement=read.place.statement,
                frames=[f"{frame.function} {frame.file}:{frame.line}" for frame in read.frames],
                packages=self._packages,
                wait=self._waits,
                variables=[messages.Variable(**variable._asdict()) for variable in read.variables],
                sequence=self._progress.sequence,
                delivered=self._progress.delivered,
                freeze_ms=max(0.0, since_asked - read.read_ms - encode_ms),
                capture_ms=read.read_ms,
                encode_ms=encode_ms,
            )
        )
        if wanted.hold:
            self._hold(wanted.number)

    def _hold(self, number: int) -> None:
        began = time.monotonic()
        while True:
            match self._channel.receive():
                case link.GoOn(number=released) if released == number:
                    break
                case link.Durable() as frame:
                    self.durable(frame)
                case frame:
                    leave(f"the hub agent sent {type(frame).__name__} to a held function")
        self._progress.held += time.monotonic() - began

    def durable(self, frame: link.Durable) -> None:
        """Notes what is durable."""
        self._progress.durable = max(self._progress.durable, frame.sequence)


def _never(_reading: Reading) -> bool:
    return False
