"""An event loop whose clock stands still while there is work and jumps when there is none: hours pass in milliseconds."""

from __future__ import annotations

import asyncio
import concurrent.futures
import selectors
import time
from typing import Any, Self
from unittest import mock


class _Jumping(selectors.SelectSelector):
    """Waits for nothing: where the loop would sleep, its clock jumps."""

    def __init__(self) -> None:
        super().__init__()
        self.now = time.monotonic()

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout:
            self.now += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop; `time.monotonic` is its clock while it is entered."""

    def __init__(self) -> None:
        self._clock = _Jumping()
        super().__init__(self._clock)
        self._default_executor = AtOnce()
        self._patch = mock.patch.object(time, "monotonic", self.time)

    def time(self) -> float:
        return self._clock.now

    def __enter__(self) -> Self:
        self._patch.start()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            for task in asyncio.all_tasks(self):
                task.cancel()
            self.pass_time(0.1)
            self.close()
        finally:
            self._patch.stop()

    def pass_time(self, seconds: float) -> None:
        """Lets everything happen that happens within so many seconds."""
        self.run_until_complete(asyncio.sleep(seconds))


class AtOnce(concurrent.futures.Executor):
    """A thread that is never late: what is submitted is done before `submit` returns."""

    def submit(self, work, /, *args: Any, **kwargs: Any) -> concurrent.futures.Future[Any]:
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        try:
            future.set_result(work(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future
