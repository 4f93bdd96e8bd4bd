"""`midstream up` on a terminal: the live view, its keys, its sizes, and what it leaves behind."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import socket
import struct
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.testing.broker import DEADLINE

SHOWS = "\x1b[?1049h"
GIVES_BACK = "\x1b[?1049l"
CURSOR = "\x1b[?25h"


class Terminal:
    """A pseudo-terminal with a `midstream up` on it."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.seen = ""
        self.pid, self.end = pty.fork()
        if self.pid == 0:
            environment = {name: value for name, value in os.environ.items() if not name.startswith("MIDSTREAM_")}
            environment |= {"MIDSTREAM_FOLDER": str(folder), "TERM": "xterm-256color"}
            for name in ("COLUMNS", "LINES", "NO_COLOR"):
                environment.pop(name, None)
            command = [sys.executable, "-P", "-m", "coordinator.cli", "up", *options]
            os.execve(sys.executable, command, environment)
        self.before = termios.tcgetattr(self.end)
        self.resize(30, 110)

    def resize(self, lines: int, columns: int) -> None:
        fcntl.ioctl(self.end, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read(self, seconds: float) -> bool:
        """Reads what is there; tells whether more can come."""
        if select.select([self.end], [], [], seconds)[0]:
            try:
                self.seen += os.read(self.end, 65536).decode(errors="replace")
            except OSError:  # the other end is closed
                return False
        return True

    def until(self, *words: str, since: int = 0) -> None:
        deadline = time.monotonic() + DEADLINE
        while not all(word in self.text(since) for word in words):
            assert time.monotonic() < deadline, self.text(since)[-3000:]
            assert self.read(0.2), self.text(since)[-3000:]

    def text(self, since: int = 0) -> str:
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.seen[since:])

    def status(self) -> int:
        deadline = time.monotonic() + DEADLINE
        while self.read(0.1) and time.monotonic() < deadline:
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def is_given_back(self) -> None:
        assert self.seen.rindex(GIVES_BACK) > self.seen.rindex(SHOWS)
        assert CURSOR in self.seen[self.seen.rindex(SHOWS) :]
        assert termios.tcgetattr(self.end) == self.before


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    running = Terminal(tmp_path / "data", "--port", str(port))
    yield running
    os.close(running.end)


def test_the_view_shows_both_hubs_and_q_leaves_the_terminal_as_it_was(terminal: Terminal, tmp_path: Path) -> None:
    terminal.until("hub-a", "hub-b", "online", "q leaves")
    os.write(terminal.end, b"q")
    assert terminal.status() == 0
    terminal.is_given_back()
    assert not (tmp_path / "data" / "up.broker").exists()


def test_a_change_of_the_terminals_size_is_drawn_at_once_and_fits(terminal: Terminal) -> None:
    terminal.until("hub-a", "hub-b", "online")
    terminal.resize(20, 60)
    start = len(terminal.seen)
    terminal.until("╭─ hubs", "╰" + "─" * 58 + "╯", since=start)
    drawn = terminal.text(start)
    assert max(len(line) for line in drawn[drawn.rindex("╭─ hubs") :].splitlines()) <= 60
    os.write(terminal.end, b"q")
    assert terminal.status() == 0


def test_ctrl_c_leaves_in_order(terminal: Terminal) -> None:
    terminal.until("hub-a", "online")
    os.write(terminal.end, b"\x03")
    assert terminal.status() == 128 + signal.SIGINT
    terminal.is_given_back()
    assert "Traceback" not in terminal.seen


def test_what_ran_when_it_was_left_goes_on_at_the_next_time(tmp_path: Path, midstream) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    (tmp_path / "waiter.py").write_text(
        "from midstream import ctx, function\n\n"
        "@function\ndef waiter():\n"
        "    for message in ctx.subscribe('never'):\n        print(message.text)\n"
    )
    ours = {"MIDSTREAM_FOLDER": str(tmp_path / "data")}
    for turn in range(2):
        terminal = Terminal(tmp_path / "data", "--port", str(port))
        terminal.until("hub-a", "hub-b", "online")
        if turn == 0:
            said = midstream("run", "waiter.py", environment=ours)
            assert said.status == 0, said
        terminal.until("waiter", "running")
        os.write(terminal.end, b"q")
        assert terminal.status() == 0
        os.close(terminal.end)
