"""Quiet times: ``quiet = "22:00-07:00"``, by the clock on the wall of the house."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time
from typing import Final

from devices.errors import ConfigurationError, printable

_SPAN: Final = re.compile(r"\s*([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Quiet:
    """A time of day within which a rule does not fire.

    Args:
        begins: belongs to it.
        ends: does not; earlier than `begins` where it lasts over midnight.
    """

    begins: time
    ends: time

    def covers(self, now: datetime) -> bool:
        """Tells whether it is quiet at a moment, in the time zone that the moment is given in."""
        clock = now.time()
        if self.begins < self.ends:
            return self.begins <= clock < self.ends
        return clock >= self.begins or clock < self.ends

    def __str__(self) -> str:
        return f"{self.begins:%H:%M}-{self.ends:%H:%M}"


def parse(text: str) -> Quiet:
    """Returns the quiet time that a text says.

    Raises:
        ConfigurationError: it says none, or one that is empty.
    """
    found = _SPAN.fullmatch(text)
    example = 'write it like quiet = "22:00-07:00"'
    if found is None:
        raise ConfigurationError(f"{printable(text, 50)!r} is no time of day", remedy=example)
    hours = [int(each) for each in found.groups()]
    try:
        quiet = Quiet(time(hours[0], hours[1]), time(hours[2], hours[3]))
    except ValueError as error:
        raise ConfigurationError(f"{printable(text, 50)!r} is no time of day", remedy=example) from error
    if quiet.begins == quiet.ends:
        raise ConfigurationError(f"{quiet} is the whole day or none of it", remedy="enabled = false turns a rule off")
    return quiet
