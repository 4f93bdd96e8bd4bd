"""What a function prints and logs, as log lines to the hub agent.

A line is sent when it is complete. The hub reads all the time; if it does not for a while, lines are dropped and counted
rather than the function kept waiting (`Channel.offer`).
"""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
from typing import TYPE_CHECKING

from devices.protocol import limits, link
from devices.runtime.attention import Attention
from devices.runtime.channel import Channel

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_CUT = " ..."


class Log:
    """Sends lines; knows how many were dropped since the last that went out."""

    def __init__(self, channel: Channel, attention: Attention) -> None:
        self._channel = channel
        self._attention = attention
        self._dropped = 0

    def line(self, level: str, text: str) -> None:
        """Sends a line, cut to `limits.LOG_LINE` bytes."""
        with self._attention:
            if self._dropped:
                told = link.Log(level="warning", text=f"{self._dropped} lines were dropped: the hub did not read them")
                if not self._channel.offer(told, patience=0.0):  # it was waited for once
                    self._dropped += 1
                    return
                self._dropped = 0
            if not self._channel.offer(link.Log(level=level, text=_cut(text))):
                self._dropped += 1


def _cut(text: str) -> str:
    data = text.encode(errors="replace")
    if len(data) <= limits.LOG_LINE:
        return data.decode()
    return data[: limits.LOG_LINE - len(_CUT)].decode(errors="ignore") + _CUT


class LineStream(io.RawIOBase):
    """The bytes of a text stream, sent line by line."""

    def __init__(self, log: Log, level: str, otherwise: int) -> None:
        self._log = log
        self._level = level
        self._otherwise = otherwise
        self._begun = b""
        self._owner = threading.get_ident()

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        """Takes all of it; an unfinished line waits for its end."""
        chunk = bytes(data)
        if threading.get_ident() != self._owner:  # the link belongs to the function's thread alone
            return os.write(self._otherwise, chunk)
        *lines, self._begun = (self._begun + chunk).split(b"\n")
        self._begun = self._begun[: limits.LOG_LINE + 1]  # what is longer is cut when it is sent
        for line in lines:
            self._log.line(self._level, line.decode(errors="replace"))
        return len(chunk)

    def finish(self) -> None:
        """Sends what was written without a line's end."""
        if self._begun:
            self.write(b"\n")


class LogHandler(logging.Handler):
    """Records of `logging`, as lines; a record of several lines stays one."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Sends a record."""
        try:
            self._log.line(record.levelname.lower(), self.format(record))
        except (TypeError, ValueError):  # arguments that do not fit the message
            self.handleError(record)


class Output:
    """Redirects what this process prints and logs.

    Args:
        channel: to the hub.
        attention: held while a line is sent.
    """

    def __init__(self, channel: Channel, attention: Attention) -> None:
        self._log = Log(channel, attention)
        self._streams = LineStream(self._log, "info", 1), LineStream(self._log, "warning", 2)

    def redirect(self) -> None:
        """Makes ``print``, ``sys.stdout``, ``sys.stderr`` and the root logger (from ``INFO`` on) write here."""
        sys.stdout, sys.stderr = (
            io.TextIOWrapper(io.BufferedWriter(stream), "utf-8", "backslashreplace", line_buffering=True)
            for stream in self._streams
        )
        logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[LogHandler(self._log)], force=True)

    def restore(self) -> None:
        """Has everything written to where the process writes by itself."""
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
        logging.basicConfig(format="%(message)s", force=True)

    def finish(self) -> None:
        """Sends unfinished lines: the function has ended."""
        sys.stdout.flush()
        sys.stderr.flush()
        for stream in self._streams:
            stream.finish()
