"""One frame onto changed source: the record of where it stands in the new program, or why there is no such place.

A frame lands if its statement is there unchanged, in the same loops, ``with`` and ``try`` statements, and if what the new
rest reads is what the old one had, or is bound before it is read. What came before the statement and what follows it may
be different; so may the bodies of functions that are called from now on.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from devices.errors import ProtocolError, SourceError
from devices.runtime.python import form
from devices.runtime.python.module import ModuleCode, ProgramCode
from devices.runtime.python.records import Record
from devices.runtime.python.rest import Entry
from devices.runtime.python.shape import steps_of
from devices.runtime.python.upgrading.assigned import unassigned
from devices.runtime.python.upgrading.places import Lost, Position, Spot, found_again, header, spots_of
from devices.runtime.python.upgrading.steps import (
    Renaming,
    around,
    is_hidden,
    own_steps,
    text_of,
    text_of_function,
    text_of_parameters,
)
from devices.runtime.source import Source


@dataclass(frozen=True)
class Landed:
    """Where a frame stands in the new program; ``values`` and ``cells`` say which of the old ones it takes along."""

    record: Record
    line: int
    values: tuple[int, ...]
    cells: tuple[int, ...]


class Version:
    """A program as it was or will be: its code, and the syntax trees of its files as they were written."""

    def __init__(self, source: Source) -> None:
        self.source = source
        try:
            self.code = ProgramCode(source)
            self.trees = {name: ast.parse(module.text) for name, module in self.code.modules.items()}
        except RecursionError:
            raise SourceError("its expressions are nested too deep", place=source.main_file) from None
        self._functions: dict[str, dict[int, ast.FunctionDef]] = {}
        self._spots: dict[ast.FunctionDef, dict[Position, Spot]] = {}

    def written(self, function: form.Function) -> ast.FunctionDef:
        """Returns a ``def`` as it was written.

        Raises:
            Lost: it is none: a lambda, a comprehension.
        """
        found = self._functions.get(function.module)
        if found is None:
            nodes = ast.walk(self.trees[function.module])
            found = {node.lineno: node for node in nodes if isinstance(node, ast.FunctionDef)}
            self._functions[function.module] = found
        if "<" in function.name or function.line not in found:
            raise Lost(f"the {function.name.strip('<>')} of line {function.line} has changed")
        return found[function.line]

    def spot(self, step: form.Step) -> Spot:
        """Returns the user's statement that a step is a part of."""
        node = self.written(step.function)
        if node not in self._spots:
            self._spots[node] = spots_of(node)
        spot = self._spots[node].get(step.origin)
        if spot is None:
            raise Lost("its statement cannot be told")
        return spot


class Landing:
    """Finds the functions and the frames of one program in another.

    Args:
        old: the program that the image was taken of.
        new: what it shall go on with.
    """

    def __init__(self, old: Version, new: Version) -> None:
        self.old = old
        self.new = new
        self._partners: dict[tuple[str, int], form.Function | Lost] = {}

    # -- functions ------------------------------------------------------------------------------------------------

    def function(self, module: str, number: int) -> tuple[form.Function, form.Function]:
        """Returns a function and what it is now.

        Raises:
            Lost: it is gone, or it is not certain which one it is.
            ProtocolError: the old program has none with this number.
        """
        code = self.old.code.modules.get(module)
        old = code.function(number) if code is not None else None
        if code is None or old is None:
            raise ProtocolError(f"the program has no function {number} in a module {module[:100]!r}")
        key = module, number
        if key not in self._partners:
            try:
                self._partners[key] = self._function(code, old)
            except Lost as lost:
                self._partners[key] = lost
        found = self._partners[key]
        if isinstance(found, Lost):
            raise Lost(found.reason)
        return old, found

    def _function(self, code: ModuleCode, old: form.Function) -> form.Function:
        other = self.new.code.modules.get(old.module)
        if other is None:
            raise Lost(f"the module {old.module} is gone")
        olds = [each for each in code.shape.functions if each.qualname == old.qualname]
        news = [each for each in other.shape.functions if each.qualname == old.qualname]
        anonymous = "<" in old.name
        if not news:
            raise Lost(f"the {old.name.strip('<>')} is gone" if anonymous else f"the function {old.qualname} is gone")
        if anonymous:
            wanted = text_of_function(code, old)[0]
            alike = [each for each in olds if text_of_function(code, each)[0] == wanted]
            others = [each for each in news if text_of_function(other, each)[0] == wanted]
            if len(alike) != len(others):
                raise Lost(f"the {old.name.strip('<>')} of line {old.line} has changed, or there are others like it")
            new = others[alike.index(old)]
        elif len(olds) == len(news):
            new = news[olds.index(old)]
        else:
            raise Lost(f"the function {old.qualname} is defined more than once, and not as often as before")
        if new.blocking:
            raise Lost(f"{new.qualname}() {new.blocking}")
        if new.generator is not old.generator:
            raise Lost(f"{new.qualname}() is {'a' if new.generator else 'no'} generator now")
        return new

    def maker(self, module: str, number: int, names: Collection[str]) -> form.Function:
        """Returns what the function of an object that travels is now; its defaults and its closure come along.

        Raises:
            Lost: it has other parameters, or uses more variables of what is around it.
        """
        old, new = self.function(module, number)
        _same_parameters(old, new)
        if more := sorted(new.free - set(names)):
            raise Lost(f"the function {new.qualname} uses {_listed(more)} of the function around it now")
        return new

    # -- frames ---------------------------------------------------------------------------------------------------

    def frame(self, record: Record) -> Landed:
        """Returns where a frame stands now.

        Raises:
            Lost: nowhere; the reason is in it.
            ProtocolError: it does not stand in the old program either.
        """
        old, new = self.function(record.module, record.function)
        module, other = self.old.code.modules[record.module], self.new.code.modules[record.module]
        if record.entry.way == "start":
            _same_parameters(old, new)
            entry, renaming, line = record.entry, Renaming(), new.line
        else:
            step = old.steps.get(record.entry.number)
            if step is None:
                raise ProtocolError(f"{old.qualname} has no statement {record.entry.number}")
            there, renaming = self._step(module, other, step, new)
            for word in record.entry.pending:
                if is_hidden(word) and word not in renaming.names:
                    self._pending_return(module, other, (old, new), word, renaming)
            pending = tuple(renaming.of(word) for word in record.entry.pending)
            entry, line = Entry(there.number, record.entry.way, record.entry.site, pending), there.line
        return self._landed(record, (module, old), (other, new), entry, renaming, line)

    def _step(
        self, module: ModuleCode, other: ModuleCode, step: form.Step, new: form.Function
    ) -> tuple[form.Step, Renaming]:
        renaming = Renaming()
        old = step.function
        text, names = text_of_function(module, old)
        new_text, new_names = text_of_function(other, new)
        if text == new_text:
            renaming.add(names, new_names)
            return new.steps[step.number], renaming
        spot = self.old.spot(step)
        way = found_again(spot, self.new.written(new))
        if header(spot.statement) != header(way[-1]):
            raise Lost("its statement is gone or has changed")
        moved = {
            (each.statement.lineno, each.statement.col_offset): (there.lineno, there.col_offset)
            for each, there in zip(spot.way(), way, strict=True)
        }
        there = _same_step(module, other, step, new, moved, renaming)
        self._around(module, other, step, there, moved, renaming)
        return there, renaming

    def _around(  # noqa: PLR0917
        self,
        module: ModuleCode,
        other: ModuleCode,
        step: form.Step,
        there: form.Step,
        moved: dict[Position, Position],
        renaming: Renaming,
    ) -> None:
        """Compares what is around a statement, and notes which hidden names hold its iterators, managers and the like."""
        old_way, new_way = around(step), around(there)
        if len(old_way) != len(new_way):
            raise Lost("the statements around it have changed")
        for (outer, part), (now, new_part) in zip(old_way, new_way, strict=True):
            if part != new_part or moved.get(outer.origin) != now.origin:
                raise Lost(f"the statement of line {outer.line}, in which it stands, has changed")
            (text, names), (new_text, new_names) = text_of(module, outer), text_of(other, now)
            if text == new_text:
                renaming.add(names, new_names)
            elif not (isinstance(outer, form.If) and isinstance(self.old.spot(outer).statement, ast.If)):
                raise Lost(f"the statement of line {outer.line}, in which it stands, has changed")
        for origin in {outer.origin for outer, _ in old_way}:
            if not isinstance(self._statement(step, origin), ast.If):
                _same_steps(module, other, step.function, there.function, (origin, moved[origin]), renaming)

    def _pending_return(
        self,
        module: ModuleCode,
        other: ModuleCode,
        functions: tuple[form.Function, form.Function],
        word: str,
        renaming: Renaming,
    ) -> None:
        """Finds the ``return`` again whose value waits until a ``finally`` is over."""
        old, new = functions
        step = next((each for each in steps_of(old.body) if word in text_of(module, each)[1]), None)
        if step is None:
            raise ProtocolError(f"{old.qualname} returns no {word[:10]!r}")
        try:
            there = found_again(self.old.spot(step), self.new.written(new))[-1]
        except Lost:
            raise Lost(f"the 'return' of line {step.line}, which is pending, is gone or has changed") from None
        _same_steps(module, other, old, new, (step.origin, (there.lineno, there.col_offset)), renaming)

    def _statement(self, step: form.Step, origin: Position) -> ast.stmt:
        return next(
            each.statement
            for each in self.old.spot(step).way()
            if (each.statement.lineno, each.statement.col_offset) == origin
        )

    def _landed(  # noqa: PLR0917
        self,
        record: Record,
        was: tuple[ModuleCode, form.Function],
        now: tuple[ModuleCode, form.Function],
        entry: Entry,
        renaming: Renaming,
        line: int,
    ) -> Landed:
        (_, old), (module, new) = was, now
        new_names = [renaming.names.get(name, "") if is_hidden(name) else name for name in record.names]
        values = [index for index, name in enumerate(new_names) if name in new.names or name.startswith(".")]
        names = tuple(new_names[index] for index in values)
        variables = new.shared | new.free
        cells = [index for index, name in enumerate(record.cells) if name in variables]
        cell_names = tuple(record.cells[index] for index in cells)
        try:
            read, shared = module.needs(new, entry)
            rest = module.rest(new, entry)
        except ProtocolError as error:
            raise Lost("its statement is not carried out in the same way any more") from error
        if more := sorted(set(shared) & new.free - set(cell_names)):
            raise Lost(f"it uses {_listed(more)} of the function around it now")
        dropped = {name for name in (*record.names, *record.cells) if not name.startswith(".")} - new.names - new.free
        if moved := sorted(dropped & module.rest_names(new, entry)):
            raise Lost(f"it reads {_listed(moved)} as a global now, which was a variable of the function")
        had = {renaming.names.get(name, name) for name in was[0].needs(old, record.entry)[0]}
        unbound_before = had - set(names)
        missing = ({*read, *shared} - {*names, *cell_names}) - unbound_before
        if lacking := sorted(unassigned(rest.body, missing)):
            raise Lost(_lacking(lacking, old))
        return Landed(Record(record.module, new.number, entry, names, cell_names), line, tuple(values), tuple(cells))


def _same_step(  # noqa: PLR0917
    module: ModuleCode,
    other: ModuleCode,
    step: form.Step,
    new: form.Function,
    moved: dict[Position, Position],
    renaming: Renaming,
) -> form.Step:
    origins = step.origin, moved[step.origin]
    olds, news = _same_steps(module, other, step.function, new, origins, renaming)
    return news[olds.index(step)]


def _same_steps(  # noqa: PLR0917
    module: ModuleCode,
    other: ModuleCode,
    old: form.Function,
    new: form.Function,
    origins: tuple[Position, Position],
    renaming: Renaming,
) -> tuple[Sequence[form.Step], Sequence[form.Step]]:
    """Returns the steps that a statement became then and becomes now; they are alike.

    Raises:
        Lost: they are not: other functions or classes of the program make it mean something else.
    """
    olds, news = own_steps(old, origins[0]), own_steps(new, origins[1])
    texts, new_texts = [text_of(module, each) for each in olds], [text_of(other, each) for each in news]
    if [text for text, _ in texts] != [text for text, _ in new_texts]:
        raise Lost(f"the statement of line {origins[0][0]} is carried out in another way than before")
    for (_, names), (_, new_names) in zip(texts, new_texts, strict=True):
        renaming.add(names, new_names)
    return olds, news


def _same_parameters(old: form.Function, new: form.Function) -> None:
    if text_of_parameters(old) != text_of_parameters(new):
        raise Lost(f"the parameters of {new.qualname}, or their defaults, have changed")


def _lacking(names: Sequence[str], old: form.Function) -> str:
    shown = [name for name in names if not name.startswith(".")]
    if not shown:
        return "it needs a value in the middle of a statement that the checkpoint does not have"
    known = [name for name in shown if name in old.names]
    if known == shown:
        return f"it needs {_listed(shown)}, which the old code did not use any more: the checkpoint has no value of it"
    return f"it needs {_listed(shown)}, of which the checkpoint has no value"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
