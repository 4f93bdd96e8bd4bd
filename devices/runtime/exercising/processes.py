"""The processes of an exercise: each is forked, watched while it has something to tell, and ended with its children.

A function may fork, start programs and wait for them for ever. So each process leads a session of its own, and that
session is killed as a whole once the process has told its end, is late, or nobody is there any more whom it could tell.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NoReturn

from devices.runtime import after_fork
from devices.runtime.exercising import packets

_FAULT: Final = 70  # EX_SOFTWARE of sysexits.h
_CLOSED: Final = 74  # EX_IOERR: it had closed the descriptors by which it was to tell
_LOOKS: Final = 200  # whether a process is gone that has nothing more to tell ...
_BETWEEN: Final = 0.01  # ... and seconds from one to the next


class LateError(Exception):
    """Nothing came for too long."""


class Process:
    """A forked process that does one thing, and tells about it through a pipe.

    Args:
        live: what it does, given the descriptor that it writes packets to.
        close: our descriptors that are none of its business.
        terminal: where it says what it failed of, if that was no fault of the user's.
    """

    def __init__(self, live: Callable[[int], None], close: Sequence[int], terminal: int) -> None:
        parent = os.getpid()
        self._told, tells = os.pipe()
        self._pid = os.fork()
        if not self._pid:
            os.close(self._told)
            _be_child(parent, lambda: live(tells), close, terminal)
        os.close(tells)

    def packets(self, client: int, seconds: float) -> Iterator[tuple[bytes, bool]]:
        """Yields what it tells, and whether that is the last of it, until there is nothing more.

        Args:
            client: the end of a pipe that the client has the other end of, and may have written to already.
            seconds: how long to wait for each packet.

        Raises:
            LateError: there was none for so long.
            BrokenPipeError: the client has gone.
        """
        poll = select.poll()
        poll.register(self._told, select.POLLIN)
        poll.register(client, 0)  # that it hung up is told all the same, also before what it wrote is read
        while True:
            ready = dict(poll.poll(seconds * 1000))
            if not ready:
                raise LateError
            if client in ready:
                raise BrokenPipeError
            found = packets.read_answer(self._told)
            if found is None:
                return
            yield found

    def last_packet(self) -> bytes | None:
        """Returns the one thing that it tells, ``None`` if it has died before."""
        return packets.read_bytes(self._told)

    def end(self, *, by_itself: bool = False) -> int:
        """Ends it with all that it has started; returns its exit code, negative for a signal.

        Args:
            by_itself: it is about to end, and its exit code tells how.
        """
        os.close(self._told)
        gone = not by_itself or self._is_gone_soon()
        for kill in (os.killpg, os.kill):  # the latter for one that has not got as far as to lead a session
            with contextlib.suppress(ProcessLookupError):
                kill(self._pid, signal.SIGKILL)
        _, status = os.waitpid(self._pid, 0)
        return os.waitstatus_to_exitcode(status) if gone else _CLOSED

    def _is_gone_soon(self) -> bool:
        """Whether it ends by itself; its number stays taken, also as its session's."""
        for _ in range(_LOOKS):
            if os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None:
                return True
            select.select([], [], [], _BETWEEN)
        return False


def how_it_died(code: int) -> str:
    """Returns an exit code in words."""
    if code == _FAULT:
        return "Midstream itself failed, as is told above"
    if code == _CLOSED:
        return "it has closed descriptors that it had not opened"
    return f"its process was killed by {signal.Signals(-code).name}" if code < 0 else f"its process ended with {code}"


def _be_child(parent: int, live: Callable[[], None], close: Sequence[int], terminal: int) -> NoReturn:
    status = _FAULT  # also if it cannot even be said of what
    try:
        after_fork.die_with(parent)
        os.setsid()
        for descriptor in close:
            os.close(descriptor)
        live()
        status = 0
    except BrokenPipeError:
        status = 0  # the client has gone
    except OSError as error:
        status = _CLOSED if error.errno == errno.EBADF else _say(terminal)
    except BaseException:  # noqa: BLE001  (the last frame of a process that must not become a second server)
        status = _say(terminal)
    finally:
        os._exit(status)


def _say(terminal: int) -> int:
    os.write(terminal, traceback.format_exc().encode(errors="replace"))
    return _FAULT
