"""`exercise`: a function is stopped wherever it can be, goes on from each capture elsewhere, and the ends are compared.

What is compared with is the same function in plain Python, as it was written: result, exception with the lines of its
traceback, what was printed, and the modules' globals. It runs twice, in two interpreters with different hash seeds; a
function that does not do the same both times proves nothing and is refused.

The function is started in one interpreter and goes on in others that have never run it, in as many at once as there are
processors: a resumed run is a fork, and most of its few milliseconds go to pages that it touches for the first time.
"""

from __future__ import annotations

import os
import statistics
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec

from devices.errors import MidstreamError, RefusedError
from devices.protocol.occasion import Occasion
from devices.runtime.exercising.comparison import difference
from devices.runtime.exercising.interpreter import Interpreter
from devices.runtime.exercising.packets import UNREAD, Captured, Ended, Load, Loaded, Outcome, Resume, Run
from devices.runtime.source import Source

MOST: Final = 1000
"""Captures in one exercise, unless more are asked for."""
TIMEOUT: Final = 60.0
"""Seconds in which a function has to come to its end."""
_MOST_AT_ONCE: Final = 4  # resumed runs
_PATIENCE: Final = 30.0
"""Seconds after which a run is taken to hang that shows no sign, and besides ten times what the plain one took."""


class Different(msgspec.Struct, frozen=True, kw_only=True):
    """A run that did something else; ``line`` is ``file:line`` of the statement before which it was stopped."""

    statement: str
    line: str
    expected: str
    got: str


class Findings(msgspec.Struct, kw_only=True):
    """What an exercise found.

    Attributes:
        stops: places at which the run was looked at, until there were as many captures as wanted.
        taken: captures.
        resumed_equal: of them, those whose rest did what the uninterrupted run did.
        different: the others, and first the run itself if it did something else in normal form.
        passed_by: why places could not be used, and how often.
        bytes_median: of the captures, without the source; 0: there are none.
        python: the version; with another interpreter both, as in ``3.11.2 -> 3.13.5``.
        raised: what the uninterrupted run raised, and at which line; empty: it returned.
    """

    stops: int = 0
    taken: int = 0
    resumed_equal: int = 0
    different: list[Different] = []
    passed_by: dict[str, int] = {}
    bytes_median: int = 0
    python: str = ""
    raised: str = ""


@dataclass(frozen=True)
class Exercise:
    """What is to be exercised, and how.

    Attributes:
        source: the code that travels.
        function: the name of a function of its main module.
        args: by position.
        kwargs: by name.
        every: how many stops there are from one capture to the next.
        limit: captures.
        chain: instead of all captures of one run: so many moves of one run, each from where the one before it led.
        timeout: seconds in which its plain run has to come to its end.
        occasion: the message that it is started by, which goes before ``args``.
    """

    source: Source
    function: str
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    every: int = 1
    limit: int = MOST
    chain: int = 0
    timeout: float = TIMEOUT
    occasion: Occasion | None = None

    @property
    def load(self) -> Load:
        """The request for the program."""
        args, kwargs = list(self.args), dict(self.kwargs)
        files = self.source.files
        return Load(self.source.module, files, self.function, args, kwargs, self.timeout, self.occasion)


def exercise(asked: Exercise, home: Interpreter, *away: Interpreter, fresh: bool = False) -> Findings:
    """Exercises a function.

    Args:
        asked: what.
        home: where it is started and captured.
        away: where it goes on; with several, as many captures at once. They are of one kind.
        fresh: each capture goes on in an interpreter that is started for it, by the command of the first ``away``.

    Raises:
        MidstreamError: it cannot be: the file, the arguments, a function that does not do the same twice.
    """
    return _Run(asked, home, away, fresh=fresh).findings()


class _Resumed(NamedTuple):
    """A capture that goes on; ``printed`` until it was taken."""

    captured: Captured
    printed: bytes
    interpreter: Interpreter
    rest: Iterator[Captured | Ended]


class _Run:
    def __init__(self, asked: Exercise, home: Interpreter, away: Sequence[Interpreter], *, fresh: bool) -> None:
        self._asked = asked
        self._home = home
        self._away, *_ = away
        self._used = away[:1] if fresh or asked.chain else away
        self._free = deque(self._used if fresh else [*self._used, *self._used])  # each has its next capture in hand
        self._resumed: deque[_Resumed] = deque()
        self._fresh = fresh
        self._found = Findings()
        self._passed_by: Counter[str] = Counter()
        self._sizes: list[int] = []

    def findings(self) -> Findings:
        here, there, *_ = self._loaded(self._home, *self._used)
        self._found.python = here.python if here.python == there.python else f"{here.python} -> {there.python}"
        self._imported = there.state
        began = time.monotonic()
        self._expected = self._plain_twice()
        self._seconds = _PATIENCE + 10 * (time.monotonic() - began)
        self._note("(not stopped anywhere)", "", self._last(self._home.run(Run(self._seconds))))
        if self._asked.chain:
            self._move_on_and_on()
        else:
            self._resume_everywhere()
        self._found.passed_by = dict(self._passed_by.most_common())
        self._found.bytes_median = int(statistics.median(self._sizes)) if self._sizes else 0
        return self._found

    def _loaded(self, *interpreters: Interpreter) -> list[Loaded]:
        for interpreter in interpreters:
            interpreter.ask_for(self._asked.load)
        loaded, refused = [], []
        # All of them are heard, or the next exercise would hear what they said of this one.
        for interpreter in interpreters:
            try:
                loaded.append(interpreter.loaded())
            except MidstreamError as error:
                refused.append(error)
        if refused:
            raise refused[0]
        return loaded

    def _plain_twice(self) -> Outcome:
        ended = self._last(self._home.run(Run(self._asked.timeout, plain=True)))
        first = self._lived(ended)
        self._found.raised = ended.raised
        second = self._lived(self._last(self._away.run(Run(self._asked.timeout, plain=True))))
        found = difference(first, second)
        if found is not None:
            python = self._found.python
            versions = f", once on each of {python}" if "->" in python else ""
            raise RefusedError(
                f"{self._asked.function} does not do the same twice{versions}, also without being stopped: "
                f"{found.expected}, then {found.got}",
                place=self._asked.source.main_file,
                remedy="Nothing can be compared. Give it what it takes from clock, chance or the order of a set as an argument.",
            )
        return first

    def _lived(self, ended: Ended) -> Outcome:
        place = self._asked.source.main_file
        if ended.late:
            raise RefusedError(
                f"{self._asked.function} has not come to its end within {self._asked.timeout:g} s",
                place=place,
                remedy="Give it arguments with which it does, or more time with --timeout SECONDS.",
            )
        if ended.asked_at:
            raise RefusedError(
                f"{self._asked.function} uses ctx, and there is no hub here: exercise is for functions that compute",
                place=ended.asked_at,
                remedy="Put what it computes into a function without ctx, and exercise that.",
            )
        if ended.outcome is None:
            raise RefusedError(f"{self._asked.function} ends its own process: {ended.died}", place=place)
        return ended.outcome

    def _last(self, answers: Iterator[Captured | Ended]) -> Ended:
        *_, ended = answers
        assert isinstance(ended, Ended)
        return ended

    def _resume_everywhere(self) -> None:
        printed = b""
        for answer in self._home.run(Run(self._seconds, every=self._asked.every, most=self._asked.limit)):
            match answer:
                case Captured():
                    printed += answer.printed
                    self._sizes.append(len(answer.image))
                    self._found.taken += 1
                    self._resume(answer, printed)
                case Ended():
                    while self._resumed:
                        self._compare_the_oldest()
                    self._count(answer)
                    self._note("(captured and not moved)", "", answer)

    def _resume(self, captured: Captured, printed: bytes) -> None:
        waits = len(captured.image) + len(captured.standing) <= UNREAD  # in the pipe, while the one before it runs
        while not self._free or (not waits and len(self._resumed) >= len(self._used)):
            self._compare_the_oldest()
        interpreter = self._free.popleft()
        rest = self._elsewhere(Resume(captured.image, captured.standing, self._seconds), interpreter)
        self._resumed.append(_Resumed(captured, printed, interpreter, rest))

    def _compare_the_oldest(self) -> None:
        """In the order of the captures, whichever has ended first: they take about as long as each other."""
        captured, printed, interpreter, rest = self._resumed.popleft()
        ended = self._last(rest)
        self._free.append(interpreter)
        if self._note(captured.statement, captured.line, ended, printed=printed, travels=captured.travels):
            self._found.resumed_equal += 1

    def _move_on_and_on(self) -> None:
        printed, statement, line = b"", "(not moved)", ""
        travels: set[str] = set()
        answers = self._home.run(Run(self._seconds, every=self._asked.every, most=1, leave=True))
        while True:
            first = next(answers)
            if isinstance(first, Ended):
                self._count(first)
                break
            self._count(self._last(answers))
            printed, statement, line = printed + first.printed, first.statement, first.line
            travels = set(first.travels)
            self._sizes.append(len(first.image))
            self._found.taken += 1
            goes_on = self._found.taken < self._asked.chain
            every = self._asked.every if goes_on else 0
            request = Resume(first.image, first.standing, self._seconds, every=every, most=1, leave=goes_on)
            answers = self._elsewhere(request, self._away)
        if self._note(statement, line, first, printed=printed, travels=travels):
            self._found.resumed_equal = self._found.taken

    def _count(self, ended: Ended) -> None:
        self._found.stops += ended.stops
        self._passed_by.update(ended.passed_by)

    def _elsewhere(self, request: Resume, interpreter: Interpreter) -> Iterator[Captured | Ended]:
        return self._in_a_new_one(request) if self._fresh else interpreter.run(request)

    def _in_a_new_one(self, request: Resume) -> Iterator[Captured | Ended]:
        with Interpreter(self._away.command) as interpreter:
            interpreter.load(self._asked.load)
            yield from interpreter.run(request)

    def _note(
        self,
        statement: str,
        line: str,
        ended: Ended,
        *,
        printed: bytes | None = None,
        travels: Sequence[str] | set[str] = (),
    ) -> bool:
        """Notes a run if it did something else; returns whether it did the same."""
        if ended.outcome is None:
            expected, got = "an end like that of the uninterrupted run", ended.died
        else:
            outcome, imported = ended.outcome, None
            if printed is not None:
                outcome = msgspec.structs.replace(outcome, output=printed + outcome.output)
                imported = self._imported
            pair = difference(self._expected, outcome, imported=imported, travels=travels)
            if pair is None:
                return True
            expected, got = pair
        self._found.different.append(Different(statement=statement, line=line, expected=expected, got=got))
        return False


def exercise_once(asked: Exercise, via: Sequence[str] = (), *, fresh: bool = False) -> Findings:
    """Exercises a function in interpreters that are started for it; ``via`` is the command of those that it goes on in."""
    several = 1 if fresh or asked.chain else min(_MOST_AT_ONCE, len(os.sched_getaffinity(0)))
    with ExitStack() as stack:
        home = stack.enter_context(Interpreter())
        away = [stack.enter_context(Interpreter(via)) for _ in range(several)]
        return exercise(asked, home, *away, fresh=fresh)
