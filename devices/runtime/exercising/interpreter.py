"""An interpreter that exercises functions for us, as seen from outside: a process with a pipe to it and one from it."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from devices.errors import UsageError, from_wire
from devices.runtime.exercising import packets
from devices.runtime.exercising.packets import Answer, Captured, Ended, Load, Loaded, Refused, Resume, Run

_PLACE: Final = str(Path(__file__).parents[3])
"""Where the package ``devices`` is; another interpreter finds it there if it has none of its own."""
_GRACE: Final = 5.0  # seconds
_PROGRAM: Final = f"""
import sys
sys.path[:] = [each for each in sys.path if each]
sys.path.append({_PLACE!r})
from devices.runtime.exercising.server import main
main()
"""


class Interpreter:
    """A Python that runs functions in processes of their own.

    It has a hash seed of its own, as another machine would: what depends on the order of a set shows.

    Args:
        command: how it is started; empty: the one that runs this.

    Raises:
        UsageError: it cannot be started.
    """

    def __init__(self, command: Sequence[str] = ()) -> None:
        self.command = list(command) or [sys.executable]
        environment = {**os.environ, "PYTHONHASHSEED": str(secrets.randbelow(2**32))}
        try:
            self._process = subprocess.Popen(
                [*self.command, "-c", _PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
                bufsize=0,
            )
        except OSError as error:
            raise UsageError(f"{self.command[0]} cannot be started: {error.strerror}", place="--via") from None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin.fileno(), self._process.stdout.fileno()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends it, also in the middle of a run."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        try:
            self._process.wait(_GRACE)  # it ends what the function has started, and then itself
        except subprocess.TimeoutExpired:
            self._process.terminate()
            self._process.wait()

    def ask_for(self, load: Load) -> None:
        """Has a program imported; `loaded` waits for it."""
        self._ask(load)

    def loaded(self) -> Loaded:
        """Returns what is to be known about the program that was asked for.

        Raises:
            MidstreamError: it cannot be imported, or its function does not take these arguments.
        """
        match self._answer():
            case Loaded() as loaded:
                return loaded
            case Refused(error=error):
                raise from_wire(error)
            case answer:
                raise AssertionError(answer)

    def load(self, load: Load) -> Loaded:
        """As `ask_for` and `loaded`."""
        self.ask_for(load)
        return self.loaded()

    def run(self, request: Run | Resume) -> Iterator[Captured | Ended]:
        """Has a run begin, and returns an iterator over its captures and last how it ended."""
        self._ask(request)
        return self._answers()

    def _answers(self) -> Iterator[Captured | Ended]:
        while isinstance(answer := self._answer(), Captured):
            yield answer
        if isinstance(answer, Refused):
            raise from_wire(answer.error)
        assert isinstance(answer, Ended)
        yield answer

    def _ask(self, request: Load | Run | Resume) -> None:
        try:
            packets.write(self._to, request)
        except BrokenPipeError:
            raise self._dead() from None

    def _answer(self) -> Answer:
        body = packets.read_bytes(self._from)
        if body is None:
            raise self._dead()
        answer: Answer = packets.answers.decode(body)
        return answer

    def _dead(self) -> UsageError:
        command = " ".join(self.command)
        return UsageError(
            f"{command} does not run Midstream's engine: what it says is above",
            remedy="it must be a Python from 3.11 on with Midstream's requirements installed",
        )
