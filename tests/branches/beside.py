"""A pytest plugin: the engine reads a stopped stack in a thread, where coverage sees it."""

from __future__ import annotations

import contextvars
import threading
from types import FrameType

from devices.runtime.python.engine import Execution

_visit = Execution._visit


def _visit_beside(self: Execution, frame: FrameType) -> None:
    raised: list[BaseException] = []

    def visit() -> None:
        try:
            _visit(self, frame)
        except BaseException as error:
            raised.append(error)

    context = contextvars.copy_context()  # the thread must see the decimal context, and what else is in there
    thread = threading.Thread(target=context.run, args=(visit,))
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
    if self._wish is not None and self._base is not None:  # asked for again, from the thread: its stack is another
        self._stopper.arm(frame, self._stops, self._visit)


Execution._visit = _visit_beside  # type: ignore[method-assign]
