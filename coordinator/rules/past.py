"""Looking back and ahead: ``avg(hub.cpu, "5m")``, ``since(payload.contact)``, ``forecast(hub.memory, "10m")``.

A `Measure` is what a rule says; a `Past` is what is remembered of one hub, instance or topic so that it can be answered.
Memory is bounded twice: each measure keeps sixty slices at most, and `Pasts` keeps `SUBJECTS` of them, those that were
heard last.
"""

from __future__ import annotations

import enum
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, Protocol

from coordinator.rules.scene import Reference, Scene
from devices.conditions.forecast import Trend
from devices.conditions.window import Window
from devices.errors import ConfigurationError, MidstreamError, printable
from devices.protocol import durations
from devices.protocol.readings import NoNumber, number_at

SUBJECTS: Final = 1000
"""Hubs, instances and topics of which a past is kept; the ones heard longest ago are forgotten first."""
SHORTEST: Final = 1.0
LONGEST: Final = 31 * 86400.0
"""Seconds that a window or a forecast may span."""
LISTENED: Final = 600.0
"""Seconds after which a window speaks in any case; a shorter one does when half of its span has been listened to."""


class Kind(enum.Enum):
    """What is asked of the past; ``value`` is the function's name in a rule."""

    AVERAGE = "avg"
    MOST = "max"
    LEAST = "min"
    RATE = "rate"
    COUNT = "count"
    FORECAST = "forecast"
    SINCE = "since"


KINDS: Final[Mapping[str, Kind]] = {kind.value: kind for kind in Kind}
_CALL: Final = re.compile(rf"""\s*({"|".join(KINDS)})\s*\(\s*(.+?)\s*(?:,\s*(["'])([^"']*)\3\s*)?\)\s*""", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Measure:
    """One question to the past.

    Args:
        kind: what is asked.
        of: whose past.
        span: seconds; 0 for `Kind.SINCE`.
        said: the span as it was written.
    """

    kind: Kind
    of: Reference
    span: float
    said: str = ""

    @property
    def name(self) -> str:
        """As it was written."""
        span = f', "{self.said}"' if self.kind is not Kind.SINCE else ""
        return f"{self.kind.value}({self.of.name}{span})"

    @property
    def timely(self) -> bool:
        """Whether the answer changes by nothing but waiting."""
        return self.kind in (Kind.COUNT, Kind.SINCE)

    def get(self, scene: Scene) -> Any:
        """Returns the answer; ``MISSING`` where too little is known yet."""
        return scene.past.value(self, scene.at)


def split_call(text: str) -> tuple[str, str, str | None] | None:
    """Returns function, metric and span of a text that is one call and nothing else, else ``None``."""
    call = _CALL.fullmatch(text)
    return (call[1], call[2], call[4]) if call else None


def measure(function: str, of: Reference, span: str | None) -> Measure:
    """Returns the measure that a call describes.

    Raises:
        ConfigurationError: the span is missing, is none, or cannot be.
    """
    kind = KINDS[function]
    if kind is Kind.SINCE:
        if span is not None:
            raise ConfigurationError(
                f"since({of.name}) takes no duration: it tells for how many seconds the value has been the same",
                remedy=f"write since({of.name}) > 600",
            )
        return Measure(kind, of, 0.0)
    if span is None:
        raise ConfigurationError(
            f"{function}({of.name}) needs a duration in quotes", remedy=f'write {function}({of.name}, "5m")'
        )
    try:
        length = durations.seconds(span)
    except MidstreamError as error:
        raise ConfigurationError(error.message, remedy=error.remedy) from error
    if not SHORTEST <= length <= LONGEST:
        raise ConfigurationError(f"{printable(span, 50)!r} cannot be spanned", remedy="from a second to 31 days")
    return Measure(kind, of, length, span)


class _Recorder(Protocol):
    def add(self, value: Any, at: float) -> None: ...


class _Numbers:
    """The numbers of a span."""

    def __init__(self, span: float) -> None:
        self.window = Window(span)
        self._began: float | None = None
        self._enough = min(span / 2, LISTENED)

    def add(self, value: Any, at: float) -> None:
        number = number_at(value, ())
        if isinstance(number, float):
            self._began = at if self._began is None else self._began
            self.window.add(number, at)

    def speaks(self, at: float) -> bool:
        return self._began is not None and at - self._began >= self._enough


class _Messages(_Numbers):
    """How often there was a value, of any kind."""

    def add(self, value: Any, at: float) -> None:  # noqa: ARG002 - any value counts as one
        super().add(1.0, at)


class _Trend:
    """Where a number is heading."""

    def __init__(self, span: float) -> None:
        self.trend = Trend(span)

    def add(self, value: Any, at: float) -> None:
        number = number_at(value, ())
        if isinstance(number, float):
            self.trend.add(number, at)


class _Change:
    """When a value was last another one."""

    def __init__(self, _: float) -> None:
        self._value: Any = NoNumber.MISSING
        self.at: float | None = None

    def add(self, value: Any, at: float) -> None:
        if isinstance(value, (str, list, dict)):
            value = blake2b(repr(value).encode(errors="replace"), digest_size=16).digest()  # it may be large
        if value != self._value or type(value) is not type(self._value):
            self._value, self.at = value, at


_RECORDERS: Final[Mapping[Kind, Callable[[float], _Recorder]]] = {
    Kind.AVERAGE: _Numbers,
    Kind.MOST: _Numbers,
    Kind.LEAST: _Numbers,
    Kind.RATE: _Numbers,
    Kind.COUNT: _Messages,
    Kind.FORECAST: _Trend,
    Kind.SINCE: _Change,
}
_Key = tuple[Callable[[float], _Recorder], Reference, float]


def _key(wanted: Measure) -> _Key:
    return _RECORDERS[wanted.kind], wanted.of, wanted.span


class Past:
    """What is remembered of one hub, instance or topic.

    Args:
        measures: those that rules ask about it; others can be added later (`expect`).
    """

    __slots__ = ("_recorders",)

    def __init__(self, measures: Iterable[Measure]) -> None:
        self._recorders: dict[_Key, _Recorder] = {}
        self.expect(measures)

    def expect(self, measures: Iterable[Measure]) -> None:
        """Remembers from now on what these ask, and no longer what only others asked."""
        before = self._recorders
        keys = {_key(each) for each in measures}
        self._recorders = {key: before[key] if key in before else key[0](key[2]) for key in keys}

    def add(self, scene: Scene) -> None:
        """Takes in what there is to see now; what has no value is no news."""
        for (_, of, _), recorder in self._recorders.items():
            value = of.get(scene)
            if not isinstance(value, NoNumber):
                recorder.add(value, scene.at)

    def value(self, measure: Measure, at: float) -> float | NoNumber:
        """Returns the answer to a measure; ``MISSING`` where too little is known yet."""
        found = _answer(measure, self._recorders.get(_key(measure)), at)
        return NoNumber.MISSING if found is None else found


def _answer(wanted: Measure, recorder: _Recorder | None, at: float) -> float | None:
    match recorder:
        case _Numbers() if recorder.speaks(at):
            window = recorder.window
            match wanted.kind:
                case Kind.AVERAGE:
                    return window.average(at)
                case Kind.MOST:
                    return window.most(at)
                case Kind.LEAST:
                    return window.least(at)
                case Kind.RATE:
                    return window.rate(at)
                case Kind.COUNT:
                    return float(window.count(at))
        case _Trend():
            expected = recorder.trend.expected(at + wanted.span)
            return None if expected is None else expected.value
        case _Change():
            return None if recorder.at is None else at - recorder.at
    return None


class Pasts:
    """The pasts of all subjects, by scope and name, the least recently heard first to go."""

    def __init__(self) -> None:
        self._pasts: OrderedDict[tuple[str, str], Past] = OrderedDict()
        self.forgotten = 0

    def of(self, subject: tuple[str, str], measures: Iterable[Measure]) -> Past:
        """Returns the past of a subject, a new one if it has none."""
        past = self._pasts.get(subject)
        if past is None:
            past = self._pasts[subject] = Past(measures)
            if len(self._pasts) > SUBJECTS:
                self._pasts.popitem(last=False)
                self.forgotten += 1
        else:
            self._pasts.move_to_end(subject)
        return past

    def known(self, subject: tuple[str, str]) -> Past | None:
        """Returns the past of a subject that has one."""
        return self._pasts.get(subject)

    def forget(self, subject: tuple[str, str]) -> None:
        """Forgets one; it is no error if there is none."""
        self._pasts.pop(subject, None)

    def clear(self, scope: str) -> None:
        """Forgets all of a scope."""
        for subject in [each for each in self._pasts if each[0] == scope]:
            del self._pasts[subject]

    def expect(self, subject: tuple[str, str], measures: Iterable[Measure]) -> None:
        """Has a subject that has a past remember from now on what these ask: rules were changed."""
        if subject in self._pasts:
            self._pasts[subject].expect(measures)
