"""A condition in CEL: the Common Expression Language, as `common-expression-language` evaluates it (cel.dev).

The text is not handed to the library as it stands. Each name in it, ``hub.cpu``, ``payload.ENERGY.Power``,
``avg(hub.cpu, "5m")``, is checked when the rule is loaded (`coordinator.rules.rewriting`) and replaced by a variable whose
value is looked up when the evaluation wants it. That way

- a misspelt name is an error with file and line, before the rule is in force;
- what is absent or null has no value at all: CEL's ``||`` and ``&&`` still decide where they can, else it is no news. As
  null it would fulfil ``payload.state != "ON"``;
- a message is not converted as a whole for one number in it (8 us an evaluation; 36 with a context filled each time);
- all numbers are floats: the library adds no integer to a float, and firmware writes 21 one day and 21.5 the next.

What the library gets wrong must not stop the rules: an error is told as a `Fault`, also a panic of its Rust code.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from coordinator.rules.condition import Fault, Scope
from coordinator.rules.names import Names
from coordinator.rules.past import Measure
from coordinator.rules.rewriting import Rewritten, rewrite
from coordinator.rules.scene import Calendar, Reference, Scene
from devices.errors import ConfigurationError, printable
from devices.protocol import limits
from devices.protocol.readings import NoNumber

LONGEST: Final = 4096
"""Characters of a formula: the library's parser overflows the stack on very long ones."""
LARGEST: Final = 32 * limits.KIB
"""Bytes of a message in which a formula may look at texts and lists; of larger ones it sees numbers alone."""
_SHOWN: Final = 6  # values that an event tells
_SHOWN_TEXT: Final = 100  # characters of each
_ERRORS: Final = (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)
_VARIABLE: Final = re.compile(r"\bv([0-9]+)\b")


class _Program:
    """A compiled formula, and the evaluation that is under way.

    Raises:
        ValueError: the text is no CEL.
    """

    def __init__(self, text: str, references: tuple[Reference, ...]) -> None:
        import cel  # 29 MB and a sixth of a second: only where a rule needs it

        self._program = cel.compile(text)
        self._context = cel.Context()
        self._context.set_variable_resolver(self._resolve)
        self._references = {f"v{number}": of for number, of in enumerate(references)}
        self._scene = Scene()
        self._reasons: list[NoNumber | Fault] = []  # why variables have no value

    def run(self, scene: Scene) -> Any:
        """Returns what the formula says of a scene; a `NoNumber` where a value that it needs is absent; or a `Fault`."""
        self._scene, self._reasons = scene, []
        try:
            return self._program.execute(self._context)
        except _ERRORS as error:
            return self._reasons[0] if self._reasons else Fault(self._words(error))
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # of Rust, which is no Exception
                raise
            return Fault(f"the CEL library failed: {printable(str(error), 100)}")

    def _resolve(self, name: str) -> Any:
        """Gives the library a variable's value; ``None``: it is not defined."""
        of = self._references.get(name)
        value = NoNumber.MISSING if of is None else of.get(self._scene)
        if isinstance(value, NoNumber):
            self._reasons.append(value)
            return None
        if isinstance(value, (str, list, dict)) and self._scene.size > LARGEST:
            why = f"the message has {self._scene.size} bytes; formulas look into {LARGEST} at most"
            self._reasons.insert(0, Fault(why))
            return None
        try:
            return _floats(value)
        except OverflowError:
            self._reasons.append(NoNumber.NOT_FINITE)
            return None

    def _words(self, error: BaseException) -> str:
        text = str(error).partition(" CEL does not coerce")[0].partition(" common causes")[0]
        named = _VARIABLE.sub(lambda found: self._name(found[0]), text)
        return printable(named, 200).rstrip(" .:") or type(error).__name__

    def _name(self, variable: str) -> str:
        of = self._references.get(variable)
        return variable if of is None else of.name


def _floats(value: Any) -> Any:
    kind = type(value)
    if kind is int:
        return float(value)
    if kind is list:
        return [_floats(each) for each in value]
    if kind is dict:
        return {key: _floats(each) for key, each in value.items()}
    return value


@dataclass(frozen=True, slots=True)
class Formula:
    """A condition in CEL; its value is 1 where it holds and 0 where it does not."""

    text: str
    scope: Scope
    references: tuple[Reference, ...]
    _program: _Program = field(compare=False, repr=False)

    @property
    def metric(self) -> str:
        """The whole formula."""
        return self.text

    @property
    def threshold(self) -> float | None:
        """None: it may have several."""
        return None

    @property
    def source(self) -> Hashable:
        """The formula, and what its names stand for."""
        return self.text, self.references

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The windows and forecasts in it."""
        return tuple(of for of in self.references if isinstance(of, Measure))

    @property
    def timely(self) -> bool:
        """Whether it looks at the clock."""
        return any(isinstance(of, Calendar) or (isinstance(of, Measure) and of.timely) for of in self.references)

    def value(self, scene: Scene) -> float | NoNumber | Fault:
        """Evaluates it."""
        said = self._program.run(scene)
        if isinstance(said, bool):
            return 1.0 if said else 0.0
        if isinstance(said, (NoNumber, Fault)):
            return said
        return Fault(f"it says {printable(repr(said), 60)}, which is neither true nor false")

    def test(self) -> Callable[[float], bool]:
        """Returns what tells 1 from 0."""
        return partial(operator.lt, 0.0)

    def values(self, scene: Scene, value: float) -> dict[str, Any]:  # noqa: ARG002 - 1 or 0 says less than what led to it
        """Returns what it looks at, as far as there is something."""
        found = ((of.name, _shown(of.get(scene))) for of in self.references)
        return dict([(name, value) for name, value in found if value is not None][:_SHOWN])

    def words(self, values: dict[str, Any]) -> str:
        """Returns the formula, with the values behind it."""
        shown = ", ".join(f"{name} {_word(value)}" for name, value in values.items())
        return f"{printable(self.text, 200)} ({shown})" if shown else printable(self.text, 200)


def _shown(value: Any) -> Any:
    """A value as an event tells it; ``None`` where there is nothing to tell."""
    if isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return printable(value, _SHOWN_TEXT)
    return printable(repr(value), _SHOWN_TEXT) if isinstance(value, (list, dict)) else None


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, (int, float)) else repr(value)


def compile_formula(text: str, names: Names) -> Formula:
    """Returns the condition that a formula in CEL describes.

    Raises:
        ConfigurationError: it is no CEL, longer than `LONGEST`, or uses a name or a function that there is not; or the
            library is not installed.
    """
    if len(text) > LONGEST:
        raise ConfigurationError(f"a formula of {len(text)} characters", remedy=f"at most {LONGEST}; make two rules")
    try:
        _Program(text, ())  # as it was written, so that the place of an error is the one that the author sees
    except ImportError as error:
        raise ConfigurationError(
            f"{printable(text, 100)!r} is no single comparison, and the CEL library is not installed",
            remedy="pip install 'midstream[coordinator]'",
        ) from error
    except ValueError as error:
        raise ConfigurationError(
            f"{printable(text, 100)!r} is neither a comparison nor CEL: {_syntax(error)}",
            remedy="write a metric, one of > >= < <= and a number, as in 'hub.temperature > 75'; or CEL: 'a > 1 && b < 2'",
        ) from error
    rewritten: Rewritten = rewrite(text, names)
    scope = names.scope(rewritten.underlying)
    try:
        program = _Program(rewritten.text, rewritten.references)
    except ValueError as error:
        raise ConfigurationError(f"{printable(text, 100)!r} is no CEL: {_syntax(error)}") from error
    for pattern in rewritten.patterns:
        tried = _Program(f'"".matches({pattern})', ()).run(Scene())
        if isinstance(tried, Fault):
            raise ConfigurationError(f"{printable(pattern, 100)} is no pattern: {tried.why}")
    return Formula(" ".join(text.split()), scope, rewritten.references, program)


def _syntax(error: ValueError) -> str:
    found = re.search(r"ERROR: <input>:([0-9]+):([0-9]+): (?:Syntax error: )?([^\n]*)", str(error))
    if found is None:
        return printable(str(error), 150)
    return f"at character {found[2]}: {printable(found[3], 150)}"
