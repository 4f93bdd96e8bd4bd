"""A message on its way through the dialects, with what several of them ask about it worked out once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from coordinator.dialects.interpretation import Interpretation, Kind, Reading
from coordinator.dialects.leaves import read_all, reading
from coordinator.dialects.lenient import parse_leniently
from coordinator.dialects.memory import Memory
from coordinator.dialects.words import signal_in
from devices.protocol.readings import NoNumber


@dataclass
class Message:
    """One message.

    Args:
        topic: byte for byte as it came.
        payload: of any content; the caller has looked at its size.
        retained: whether the broker had kept it: its age is unknown.
        at: when it arrived, in seconds since 1970.
        memory: what was learnt from earlier ones.
    """

    topic: str
    payload: bytes
    retained: bool
    at: float
    memory: Memory

    @cached_property
    def levels(self) -> list[str]:
        """The topic's levels; a leading slash makes the first one empty."""
        return self.topic.split("/")

    @cached_property
    def _read(self) -> tuple[Any, str]:
        return parse_leniently(self.payload)

    @property
    def value(self) -> Any:
        """What the payload says: a JSON value, else its text, or why it cannot be read."""
        return self._read[0]

    @property
    def flaw(self) -> str:
        """What had to be forgiven to read it; empty if nothing."""
        return self._read[1]

    @property
    def text(self) -> str:
        """The payload as text; empty if it is none."""
        try:
            return self.payload.rstrip(b"\0").decode().strip()
        except UnicodeDecodeError:
            return ""

    @property
    def empty(self) -> bool:
        """Whether the payload has no bytes at all, which on a kept topic takes away what was kept."""
        return not self.payload

    @property
    def unreadable(self) -> str:
        """Why the payload, where JSON or text is expected, is neither; empty if it is."""
        value = self.value
        if value in (NoNumber.BINARY, NoNumber.MALFORMED, NoNumber.DEEP):
            return str(value.value)
        return self.flaw

    def about(self, dialect: str, device: str = "", **more: Any) -> Interpretation:
        """Returns the beginning of an interpretation, with what is wrong with the payload if it should be text."""
        return Interpretation(dialect, device, error=self.unreadable, **more)

    def deletion(self, dialect: str, device: str = "", **more: Any) -> Interpretation:
        """Returns what an empty payload says on a topic that is kept: what stood there is gone."""
        gone = Reading(None, None, Kind.DELETION, "the payload is empty: what was kept here is taken away")
        return Interpretation(dialect, device, {"": gone}, sign_of_life=False, **more)

    def alone(
        self, dialect: str, device: str, unit: str | None = None, kind: Kind = Kind.GAUGE, **more: Any
    ) -> Interpretation:
        """Returns an interpretation whose only reading is the whole payload, or what is in it, if it has parts."""
        result = self.about(dialect, device, **more)
        if isinstance(self.value, dict | list):
            result.readings = read_all(self.value, lambda _, __: (unit, kind))
        else:
            result.readings[""] = reading(self.value, unit, kind)
        return result

    def word(self, dialect: str, device: str, kind: Kind = Kind.STATE, **more: Any) -> Interpretation:
        """Returns an interpretation of a text that stays one although it may look like a number: a version, a name."""
        result = self.about(dialect, device, **more)
        told = self.value if isinstance(self.value, NoNumber) else self.text
        result.readings[""] = reading(told, None, kind)
        return result

    def liveness(self, dialect: str, device: str, path: str = "", said: Any = None, **more: Any) -> Interpretation:
        """Returns what a message of being there says; without ``said`` the whole payload is the word."""
        word = self.value if said is None else said
        result = self.about(dialect, device, **more)
        result.signal = signal_in(word)
        result.readings[path] = reading(word, None, Kind.LIVENESS)
        result.sign_of_life = False  # it says so itself; a will is sent by the broker
        return result
