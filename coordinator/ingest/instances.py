"""What instances say of themselves: their state and their log. Information, never authority."""

from __future__ import annotations

from collections import deque
from typing import Any, Final

import msgspec

from devices.errors import ProtocolError, printable
from devices.protocol import limits, messages
from devices.protocol.messages import InstanceState

_REMEMBERED: Final = 1000
"""Instances whose words are kept; the one that was silent longest is forgotten first."""


class LogLine(msgspec.Struct, kw_only=True):
    """``instances/<id>/log``: one line that a function printed or logged."""

    at: str
    level: str
    text: str
    hub: str = ""


class Voices:
    """The newest state and the last lines of each instance."""

    def __init__(self) -> None:
        self._states: dict[str, InstanceState] = {}
        self._logs: dict[str, deque[LogLine]] = {}

    def take_state(self, instance: str, payload: bytes) -> None:
        """Takes a state; an empty payload clears it.

        Raises:
            ProtocolError: not one.
        """
        self._states.pop(instance, None)
        if payload:
            self._states[instance] = messages.decode(payload, InstanceState, f"instances/{instance}/state")
        _forget_oldest(self._states)

    def take_line(self, instance: str, payload: bytes) -> None:
        """Takes a log line, cut and cleaned.

        Raises:
            ProtocolError: not one.
        """
        if len(payload) > 2 * limits.LOG_LINE:
            raise ProtocolError(f"a log line of {len(payload)} bytes", place=f"instances/{instance}/log")
        line = messages.decode(payload, LogLine, f"instances/{instance}/log")
        line.text = printable(line.text, limits.LOG_LINE)
        log = self._logs.pop(instance, None)
        self._logs[instance] = log = deque(maxlen=limits.LOG_LINES) if log is None else log
        log.append(line)
        _forget_oldest(self._logs)

    def state(self, instance: str) -> InstanceState | None:
        """Returns what an instance said last."""
        return self._states.get(instance)

    def lags(self) -> dict[str, int]:
        """Returns the unread messages of each instance on its hub, as it said last."""
        return {instance: state.lag for instance, state in self._states.items()}

    def lines(self, instance: str, last: int) -> list[LogLine]:
        """Returns the newest lines, oldest first."""
        return list(self._logs.get(instance, ()))[-last:] if last > 0 else []


def _forget_oldest(by_instance: dict[str, Any]) -> None:
    while len(by_instance) > _REMEMBERED:
        del by_instance[next(iter(by_instance))]
