"""The engine: a function runs, is stopped at any statement, and goes on elsewhere from plain data.

The state is read in place; nothing is unwound. Raising through the function would run its ``finally`` blocks and change
the very objects that were saved; so a function that has been read either goes on as if nothing had been, or the process
ends where it stands.
"""

from __future__ import annotations

import inspect
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any, Final

from devices.errors import CannotStopError, CannotTravelError, MidstreamError, SourceError
from devices.runtime.python.capture import Image, Reading
from devices.runtime.python.frames import Blocked, place_of, read_stack, release
from devices.runtime.python.program import Program, function_behind
from devices.runtime.python.restore import restore
from devices.runtime.python.stops import Stopper, stopper

_ASYNCHRONOUS: Final = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_REMEDY: Final = (
    "The function runs on. A stop is possible between its own statements, not inside C code that calls back, "
    "a class body or a foreign library."
)


Elsewhere = Callable[[Reading], bool]
"""Gets a stack that has been read; returns whether it has the image made elsewhere, from a copy of this moment."""


def _here(_reading: Reading) -> bool:
    return False


@dataclass
class _Wish:
    taker: Callable[[Image], None]
    refused: Callable[[MidstreamError], None]
    deadline: float
    elsewhere: Elsewhere


class Execution:
    """One run of a function of a program, in the thread that calls `start` or `resume`.

    ``passed_by`` counts why places were not taken, in words.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self._base: FrameType | None = None
        self._root: FunctionType | None = None
        self._wish: _Wish | None = None
        self._stopper: Stopper = stopper()
        self.passed_by: Counter[str] = Counter()

    # -- running --------------------------------------------------------------------------------------------------

    def start(
        self, function: str, args: list[Any], kwargs: Mapping[str, Any], begun: Callable[[], None] = lambda: None
    ) -> Any:
        """Runs a function of the main module to its end and returns what it returns, or raises what it raises.

        Args:
            function: its name.
            args: its arguments by position.
            kwargs: its arguments by name.
            begun: called just before its first statement.

        Raises:
            SourceError: the module has no such function.
            CannotTravelError: it is asynchronous.
        """
        root = function_behind(self.program.namespace.get(function))
        if root is None:
            place = self.program.source.main_file
            raise SourceError(f"there is no function {function} in it", place=place)
        if root.__code__.co_flags & _ASYNCHRONOUS:
            raise CannotTravelError(
                f"{function}() is an 'async def', which cannot be stopped and moved",
                place=f"{root.__code__.co_filename}:{root.__code__.co_firstlineno}",
                remedy="Write an ordinary function: waiting calls such as ctx.next() and ctx.sleep() need no await.",
            )
        self.program.begins()
        return self._run(begun, root, *args, **kwargs)

    def resume(self, image: bytes, begun: Callable[[], None] = lambda: None) -> Any:
        """Goes on at the next statement; returns or raises what the function returns or raises at its end.

        Args:
            image: the bytes of an `Image`.
            begun: called when the image is read, just before that statement.

        Raises:
            ProtocolError: the image is not one of this program's (before anything runs).
        """
        self.program.begins()
        function, state = restore(self.program, image)
        return self._run(begun, function, state)

    def _run(self, begun: Callable[[], None], root: FunctionType, /, *args: Any, **kwargs: Any) -> Any:
        self._root = root
        self._base = sys._getframe()  # noqa: SLF001  (where the program's part of the stack ends)
        begun()
        if self._wish is not None:
            self._stopper.arm(self._base, self._stops, self._visit)
        try:
            return root(*args, **kwargs)
        finally:
            self._base = self._root = None
            self._ended()

    def _ended(self) -> None:
        wish = self._wish
        if wish is not None:
            self.withdraw()
            wish.refused(CannotStopError("the function came to its end before it could be stopped"))

    # -- stopping -------------------------------------------------------------------------------------------------

    def request(
        self,
        taker: Callable[[Image], None],
        refused: Callable[[MidstreamError], None],
        limit: float = 5.0,
        elsewhere: Elsewhere = _here,
    ) -> None:
        """Asks for a stop at the next good place; may be called from a signal handler of the function's thread.

        When ``taker`` returns, the function goes on as if nothing had been; a move holds it by blocking inside
        ``taker``. A later request takes the place of an earlier one. If the function is not running yet, it is stopped
        at its first statement.

        Args:
            taker: gets the image, where the function stands.
            refused: gets a `CannotTravelError` that names the value, or a `CannotStopError` that names what blocks;
                the function runs on.
            limit: seconds until the search for a place is given up; looked at only while the function's code runs.
            elsewhere: asked first; if it takes the stack on, that is all: ``taker`` is not called.
        """
        self.withdraw()
        self._wish = _Wish(taker, refused, time.monotonic() + limit, elsewhere)
        if self._base is not None:
            self._stopper.arm(sys._getframe(1), self._stops, self._visit)  # noqa: SLF001  (the interrupted frame)

    def withdraw(self) -> None:
        """Takes a request back; without one it does nothing."""
        if self._wish is not None:
            self._wish = None
            self._stopper.disarm()

    def _stops(self, code: CodeType) -> Mapping[int, object] | None:
        known = self.program.known(code)
        return None if known is None else known.positions.stops

    def _visit(self, frame: FrameType) -> None:
        wish, base, root = self._wish, self._base, self._root
        if wish is None or base is None or root is None:
            return
        stopped = time.perf_counter()
        try:
            standings = read_stack(self.program, frame, base, root, None)
            reading = Reading(self.program, standings, None, stopped=stopped)
            image = None if wish.elsewhere(reading) else reading.image()
            release(standings, traced=True)
        except Blocked as blocked:
            self.passed_by[blocked.reason] += 1
            if time.monotonic() < wish.deadline:
                return
            message = f"no place to stop was reached in time: {blocked.reason}"
            self._refuse(wish, CannotStopError(message, place=blocked.place, remedy=_REMEDY))
        except CannotTravelError as error:
            self._refuse(wish, error)
        except Exception as error:  # noqa: BLE001  (whatever it is, it is not the function's)
            self._refuse(wish, our_fault(error))
        else:
            if self._wish is wish:  # no newer one has come meanwhile
                self.withdraw()
            if image is not None:
                wish.taker(image)

    def _refuse(self, wish: _Wish, error: MidstreamError) -> None:
        self.withdraw()
        # tracebacks would keep the function's frames alive, and what was in their variables
        error.__traceback__ = error.__context__ = error.__cause__ = None
        wish.refused(error)

    def capture_in_effect(self, descriptor: dict[str, Any], elsewhere: Elsewhere = _here) -> Image | None:
        """Captures the function while it waits in a call of the library's; called by the library, at any depth.

        Args:
            descriptor: what `Library.effect` needs to go on with the effect.
            elsewhere: asked first; if it takes the stack on, there is no image here.

        Raises:
            CannotStopError: the library is not called by a statement of the function's own.
            CannotTravelError: a value cannot travel.
        """
        stopped = time.perf_counter()
        above = sys._getframe(1)  # noqa: SLF001  (the library's frames are above the function's)
        frame = above.f_back
        while frame is not None and frame is not self._base and self.program.known(frame.f_code) is None:
            above, frame = frame, frame.f_back
        if frame is None or frame is self._base or self._base is None or self._root is None:
            raise CannotStopError("the effect is not called by the function", place=place_of(above))
        try:
            standings = read_stack(self.program, frame, self._base, self._root, above)
            reading = Reading(self.program, standings, descriptor, stopped=stopped)
            image = None if elsewhere(reading) else reading.image()
        except Blocked as blocked:
            raise CannotStopError(blocked.reason, place=blocked.place, remedy=_REMEDY) from None
        except MidstreamError:
            raise
        except Exception as error:
            raise our_fault(error) from error
        release(standings, traced=False)
        return image


def our_fault(error: Exception) -> CannotTravelError:
    """Returns what becomes of an error in the engine itself: it must not be raised into the function, which runs on."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    return CannotTravelError(
        f"the function's state cannot be read: {type(error).__name__}: {error}",
        place=f"midstream's {Path(where.filename).name}:{where.lineno}",
        remedy="this is a fault of midstream: please report it with the function",
    )
