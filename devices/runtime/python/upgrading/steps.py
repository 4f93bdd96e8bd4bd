"""What two functions become in normal form, compared: texts of steps, in which hidden names have no numbers.

Hidden names are numbered through a function, so that a change above a statement gives all names below it other numbers.
Two steps are alike if they say the same but for those numbers, and `Renaming` notes which name is which.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import Final

from devices.runtime.python import form
from devices.runtime.python.module import ModuleCode
from devices.runtime.python.shape import steps_of
from devices.runtime.python.upgrading.places import Lost

_HIDDEN: Final = re.compile(r"\.[a-z]\d+")
_PLACES: Final = frozenset({"lineno", "end_lineno", "col_offset", "end_col_offset", "type_comment", "kind", "ctx"})


class Renaming:
    """Which hidden name of the one function is which of the other."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self._back: dict[str, str] = {}

    def add(self, old: Sequence[str], new: Sequence[str]) -> None:
        """Notes names that stand in the same places.

        Raises:
            Lost: one stands for two others.
        """
        for one, other in zip(old, new, strict=True):
            if self.names.setdefault(one, other) != other or self._back.setdefault(other, one) != one:
                raise Lost("the values in the middle of its statement are not the same ones any more")

    def of(self, name: str) -> str:
        """Returns the other function's name.

        Raises:
            Lost: a hidden name that nothing is known of.
        """
        if not is_hidden(name):
            return name
        found = self.names.get(name)
        if found is None:
            raise Lost("a value in the middle of its statement has no place any more")
        return found


def is_hidden(name: str) -> bool:
    """Tells whether a name is one that the normal form gives, with a number."""
    return _HIDDEN.fullmatch(name) is not None


def text_of(module: ModuleCode, step: form.Step) -> tuple[str, list[str]]:
    """Returns what a step says without its blocks, and the hidden names in it in the order in which they stand."""
    module.emitter.step(step)  # what is shared with the code that runs takes its last form
    words: list[str] = [type(step).__name__, str(step.number > 0)]
    hidden: list[str] = []
    for part in _parts(step):
        _spell(part, words, hidden)
    return " ".join(words), hidden


def text_of_function(module: ModuleCode, function: form.Function) -> tuple[str, list[str]]:
    """Returns what a whole function says, and all hidden names in it."""
    words, hidden = [text_of_parameters(function)], list[str]()
    for step in steps_of(function.body):
        text, names = text_of(module, step)
        words.append(f"{depth(step)} {step.block.role} {text}")
        hidden += names
    return "\n".join(words), hidden


def text_of_parameters(function: form.Function) -> str:
    """Returns what the parameters of a function are, with their defaults."""
    words: list[str] = []
    _spell(function.arguments, words, [])
    return " ".join(words)


def own_steps(function: form.Function, origin: tuple[int, int]) -> list[form.Step]:
    """Returns the steps that a statement of the user's became, without those of the statements in its blocks."""
    return [step for step in steps_of(function.body) if step.origin == origin and not _is_pass(step)]


def around(step: form.Step) -> list[tuple[form.Step, str]]:
    """Returns the steps around a step, innermost first, with the part of each in which it stands."""
    found, block = [], step.block
    while block.parent is not None:
        found.append((block.parent, block.role))
        block = block.parent.block
    return found


def depth(step: form.Step) -> int:
    """Returns how many steps are around a step."""
    return len(around(step))


def _is_pass(step: form.Step) -> bool:
    return isinstance(step, form.Plain) and step.number == 0 and isinstance(step.nodes[0], ast.Pass)


def _parts(step: form.Step) -> Iterator[object]:
    match step:
        case form.Plain(nodes=nodes):
            yield from nodes
        case form.Define(inner=inner, name=name):
            yield from (name, inner.qualname)
        case form.If(test=test) | form.While(test=test):
            yield test
        case form.For():
            yield from (step.target, step.iterator, step.clear)
        case form.Try():
            yield step.star
            for handler in step.handlers:
                yield from (handler.kind, handler.saved)
        case form.Handling(saved=saved):
            yield saved
        case form.Unbind(name=name):
            yield name
        case form.Finally(marker=marker):
            yield marker
        case form.With():
            yield from (step.manager, step.target)
        case form.Match():
            yield step.subject
            for pattern, guard, _ in step.cases:
                yield from (pattern, guard)


def _spell(part: object, words: list[str], hidden: list[str]) -> None:
    stack = [part]
    while stack:
        each = stack.pop()
        match each:
            case str() if is_hidden(each):
                words.append(each[:2])
                hidden.append(each)
            case list():
                words.append("[")
                stack.append(_End("]"))
                stack.extend(reversed(each))
            case ast.AST():
                words.append(f"{type(each).__name__}{'*' if form.noted(each, 'site') else ''}(")
                stack.append(_End(")"))
                fields = [(name, value) for name, value in ast.iter_fields(each) if name not in _PLACES]
                stack.extend(value for _, value in reversed(fields))
            case _End():
                words.append(each)
            case _:
                words.append(repr(each))


class _End(str):
    """The end of a list or node; not a text of the program's."""

    __slots__ = ()
