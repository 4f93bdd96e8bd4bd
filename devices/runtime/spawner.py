"""The warm parent: has imported what workers need, forks one for each request, reports each death at once.

It is single-threaded, has no event loop and no network, and waits in one `poll`. It also stops workers whose lease has
run out (`leases`), and keeps one worker forked ahead (`spare`). It speaks packets (a Unix socket of type SEQPACKET keeps
their bounds, so there is nothing to cut) with one client, the hub agent (`spawner_client`); a worker's sockets, link and
hatch, come along as descriptors (SCM_RIGHTS). When the client closes its end or dies, the kernel closes it, this process
kills its children and ends; should it die itself, the kernel kills them (PR_SET_PDEATHSIG).

    python -m devices.runtime.spawner DESCRIPTOR
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from typing import Final, NoReturn

import msgspec

from devices.runtime import after_fork, spare, warmup, worker
from devices.runtime.leases import Leases
from devices.runtime.python import rests
from devices.runtime.python.module import code_of
from devices.runtime.source import Source
from devices.runtime.spawning import PACKET, Exited, Fork, Forked, Learn, Lesson, NotForked, Renew, Stopped, Told

_QUIET: Final = 100
"""Milliseconds without a request after which a worker is forked ahead: that must not hold up those that are asked for."""
_ERROR: Final = 70  # exit status of a worker that failed by our own fault: EX_SOFTWARE of sysexits.h


_requests: Final = msgspec.msgpack.Decoder(Fork | Learn | Renew)
_lessons: Final = msgspec.msgpack.Decoder(Lesson)


class Spawner:
    """Forks on request.

    Args:
        client: a connected socket of type SEQPACKET.
    """

    def __init__(self, client: socket.socket) -> None:
        self._client = client
        self._children: set[int] = set()
        self._leases = Leases()
        self._spare: spare.Spare | None = None
        self._wants_spare = True
        self._woken, self._wakeup = socket.socketpair()
        self._wakeup.setblocking(False)

    def serve(self) -> None:
        """Forks and reports until the client is gone; then kills what runs."""
        signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler, so that the wake-up descriptor hears of it
        signal.set_wakeup_fd(self._wakeup.fileno(), warn_on_full_buffer=False)
        poll = select.poll()
        poll.register(self._client, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        poll.register(self._leases, select.POLLIN)
        try:
            while True:
                ready = {descriptor for descriptor, _ in poll.poll(_QUIET if self._wants_spare else None)}
                if not ready:
                    self._fork_ahead()
                if self._woken.fileno() in ready:
                    self._woken.recv(PACKET)
                    self._report_deaths()
                if self._leases.fileno() in ready:
                    for pid in self._leases.stop_those_over():
                        self._tell(Stopped(pid))
                if self._client.fileno() in ready and not self._take_request():
                    return
        except (BrokenPipeError, ConnectionResetError):
            return  # the client went while something was told to it
        finally:
            signal.set_wakeup_fd(-1)
            self._dismiss_spare()
            for pid in self._children:
                os.kill(pid, signal.SIGKILL)

    def _take_request(self) -> bool:
        """Carries out one request; returns whether the client is still there."""
        packet, descriptors, _, _ = socket.recv_fds(self._client, PACKET, 4)
        if not packet:
            return False
        try:
            request = _requests.decode(packet)
        except msgspec.DecodeError as error:
            os.write(2, f"spawner: a malformed request: {error}\n".encode())
            _close(descriptors)
            return True
        match request:
            case Learn():
                _learn(descriptors)
                self._dismiss_spare()  # it was forked before, so it would have to learn it again
                return True
            case Renew(until=until):
                _close(descriptors)
                self._leases.renew({pid: moment for pid, moment in until.items() if pid in self._children})
                return True
        if len(descriptors) != 2:
            _close(descriptors)
            self._tell(NotForked(request.request, f"{len(descriptors)} descriptors came along, not two"))
            return True
        self._start(request.request, *descriptors)
        return True

    def _start(self, request: int, link: int, hatch: int) -> None:
        """Has a worker begin: the one forked ahead, else one that is forked now."""

        def become_worker(parent: int) -> spare.Sockets:
            after_fork.become_worker(parent, link, hatch)
            return socket.socket(fileno=link), socket.socket(fileno=hatch)

        ahead, self._spare, self._wants_spare = self._spare, None, True
        try:
            pid = ahead.pid if ahead is not None and ahead.give(link, hatch) else self._fork(become_worker)
        except OSError as error:
            self._tell(NotForked(request, f"the system gives no process: {error}"))
            return
        finally:
            _close([link, hatch])
        self._children.add(pid)
        self._tell(Forked(request, pid))

    def _fork_ahead(self) -> None:
        self._wants_spare = False
        handover, theirs = socket.socketpair()
        with theirs:
            try:
                pid = self._fork(lambda parent: spare.wait(parent, theirs))
            except OSError:
                handover.close()  # the next request asks again, and whoever made it hears of it
                return
        self._spare = spare.Spare(pid, handover)

    def _dismiss_spare(self) -> None:
        if self._spare is not None:
            self._spare.dismiss()
            self._spare, self._wants_spare = None, True

    def _fork(self, become: Callable[[int], spare.Sockets]) -> int:
        """Forks a worker, which is told its parent, and gets its sockets as it becomes one; returns its process id."""
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._work(parent, become)
        return pid

    def _work(self, parent: int, become: Callable[[int], spare.Sockets]) -> NoReturn:
        """The child's life: never returns into the parent's loop."""
        try:
            for inherited in (self._client, self._woken, self._wakeup, self._leases):
                inherited.close()
            worker.run(*become(parent))
        except BaseException:  # noqa: BLE001 -- the last frame of a process that must not become a second spawner
            with contextlib.suppress(OSError):
                os.write(2, _traceback())
        finally:
            os._exit(_ERROR)

    def _forget_spare(self, pid: int) -> None:
        """One that was dismissed, or that died: the next is forked after the next request, not in a loop."""
        if self._spare is not None and self._spare.pid == pid:
            self._spare.dismiss()
            self._spare = None

    def _report_deaths(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            if pid not in self._children:
                self._forget_spare(pid)
                continue
            self._children.discard(pid)
            self._leases.forget(pid)
            self._tell(Exited(pid, os.waitstatus_to_exitcode(status)))

    def _tell(self, packet: Told) -> None:
        self._client.send(msgspec.msgpack.encode(packet))


def _learn(descriptors: list[int]) -> None:
    """Makes a function's normal form, without running anything of it: the workers forked from now on share it."""
    try:
        with open(descriptors.pop(), "rb") as file:  # noqa: PTH123 -- a descriptor, no path
            lesson = _lessons.decode(file.read())
        code = code_of(Source(lesson.module, lesson.files))
        code.prepare()
        if lesson.rests:
            rests.learn(code, lesson.rests)
    except Exception as error:  # noqa: BLE001 -- a worker that is given this source says what is wrong with it
        os.write(2, f"spawner: a function's code was not learned: {type(error).__name__}: {error}\n".encode())
    finally:
        _close(descriptors)
    gc.freeze()


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _traceback() -> bytes:
    import traceback

    return traceback.format_exc().encode(errors="replace")


def main(descriptor: int) -> None:
    """Serves the client at the other end of an inherited descriptor."""
    faulthandler.enable(all_threads=False)
    client = socket.socket(fileno=descriptor)
    warmup.warm_up()
    gc.collect()
    gc.disable()  # and freeze: a collection would touch, and so copy, every page that workers share
    gc.freeze()
    Spawner(client).serve()


if __name__ == "__main__":
    main(int(sys.argv[1]))
