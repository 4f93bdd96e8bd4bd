"""The stack, read: where each frame of the program stands, and what its rest needs.

From the innermost frame outwards each frame must stand right under the one above it: in the call of a site whose
callee it is (`callee`), or at the header of a loop over the generator above. Where that cannot be shown, the stop is
passed by, and `Blocked` says why.
"""

from __future__ import annotations

import ast
import gc
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import CellType, FrameType, FunctionType, GeneratorType
from typing import Any, Final
from weakref import ref

from devices.errors import CannotTravelError
from devices.runtime.python import form, operations
from devices.runtime.python.callee import called, evaluate, resumed_generator
from devices.runtime.python.continuation import CALLED, CLOSURE, STATE
from devices.runtime.python.lines import Mark
from devices.runtime.python.module import Known
from devices.runtime.python.program import Program
from devices.runtime.python.rest import EXCEPTION, Entry, Way, finals_around
from devices.runtime.python.versions import LOCALS_ARE_A_PROXY, MONITORING

_UNSET: Final = object()
_MISSING: Final = operations.MISSING


class Blocked(Exception):  # noqa: N818  (no error: the next place is tried)
    """No stop here; ``place`` is file and line of what blocks it."""

    def __init__(self, reason: str, place: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.place = place


@dataclass
class Standing:
    """Where a frame stands.

    Attributes:
        known: its code.
        variables: its variables now.
        entry: where its rest begins.
        line: the user's.
        closure: the cells of its free variables, by name.
        instance: in the call of a class, the object that is being made; in that of a generator's method, the generator.
        generator: the generator whose frame it is.
        values: what its rest needs, by name.
        cells: the cells that its rest shares, by name.
    """

    known: Known
    variables: Mapping[str, Any]
    entry: Entry
    line: int
    closure: dict[str, CellType] = field(default_factory=dict)
    instance: Any = None
    generator: GeneratorType[Any, Any, Any] | None = None
    values: dict[str, Any] = field(default_factory=dict)
    cells: dict[str, CellType] = field(default_factory=dict)

    @property
    def step(self) -> form.Step:
        """The step it stands at."""
        return self.known.function.steps[self.entry.number]


def place_of(frame: FrameType) -> str:
    """Returns file and line of a frame."""
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def read_stack(
    program: Program, top: FrameType, base: FrameType, root: FunctionType, above: FrameType | None
) -> list[Standing]:
    """Returns where the program's frames stand, outermost first.

    Args:
        program: the program.
        top: its innermost frame.
        base: the frame of the engine's that called the outermost.
        root: the outermost function.
        above: the frame of the library's above ``top``; ``None``: ``top`` is at a place to stop.

    Raises:
        Blocked: no stop is possible here.
    """
    standings: list[Standing] = []
    frame: FrameType | None = top
    upper: FrameType | None = above
    upper_standing: Standing | None = None
    while frame is not base:
        if frame is None:
            raise Blocked("the function is not running in this thread", place_of(top))
        standing = _standing(program, frame, upper, upper_standing)
        standings.append(standing)
        upper, upper_standing = frame, standing
        frame = frame.f_back
    assert upper is not None
    if upper.f_code is not root.__code__:
        # A finaliser of what the outermost function has held: that function is over, its result would be lost.
        raise Blocked(f"{upper.f_code.co_qualname}() is called when {root.__qualname__}() has ended", place_of(upper))
    _close(standings[-1], root, upper)
    for standing in standings:
        _collect(standing)
    standings.reverse()
    return standings


def release(standings: Sequence[Standing], *, traced: bool) -> None:
    """Empties the dicts that hold the frames' variables for us, before 3.13: they would keep objects alive.

    Not that of the innermost frame while 3.11 traces it: its dict is written back into the frame.
    """
    if LOCALS_ARE_A_PROXY:
        return
    for standing in standings[:-1] if traced and not MONITORING else standings:
        if isinstance(standing.variables, dict):
            standing.variables.clear()


def _standing(program: Program, frame: FrameType, upper: FrameType | None, above: Standing | None) -> Standing:
    known = program.known(frame.f_code)
    if known is None:
        raise Blocked(
            f"code that is not the function's own ({frame.f_code.co_qualname}) stands in between", place_of(frame)
        )
    if known.function.blocking:
        raise CannotTravelError(
            f"{known.function.qualname}() {known.function.blocking}",
            place=place_of(frame),
            remedy="Put it into a function of its own, which has returned when the rest is stopped.",
        )
    if upper is None:
        mark = known.positions.stops.get(frame.f_lasti)
        if mark is None:
            raise Blocked("in the middle of a statement", place_of(frame))
        return _at(known, frame.f_locals, mark, "before", 0)
    mark = known.positions.mark(frame.f_lasti)
    if mark is None or mark.number <= 0:
        what = f"{upper.f_code.co_qualname}() is called by a statement that cannot be stopped in"
        raise Blocked(what, place_of(frame))
    return _calling(known, frame, mark, upper, above)


def _at(known: Known, variables: Mapping[str, Any], mark: Mark, way: Way, site: int) -> Standing:
    step = known.function.steps[mark.number]
    pending = tuple(_pending(variables.get(final.marker)) for final in finals_around(step))
    return Standing(known, variables, Entry(mark.number, way, site, pending), mark.line)


def _pending(marker: object) -> str:
    if isinstance(marker, BaseException):
        return EXCEPTION
    return marker if isinstance(marker, str) else ""


def _calling(known: Known, frame: FrameType, mark: Mark, upper: FrameType, above: Standing | None) -> Standing:
    variables = frame.f_locals
    step = known.function.steps[mark.number]
    generator = bool(upper.f_code.co_flags & inspect.CO_GENERATOR)
    if isinstance(step, form.For) and mark.site == 0:
        iterator = variables.get(step.iterator)
        if generator:
            driven = _driven(iterator)
            if driven is not None and driven.gi_frame is upper and above is not None:
                return _driving(_at(known, variables, mark, "before", 0), driven, above, upper)
        elif mark.entry and known.continuation is not None and known.continuation.entry.way == "next":
            if variables[STATE][CALLED] is upper.f_code and above is not None:
                _close(above, None, upper)
                return _at(known, variables, mark, "next", 0)
        else:
            step_function = _step_of(iterator)
            if step_function is not None and step_function.__code__ is upper.f_code:
                if above is None:
                    return _at(known, variables, mark, "before", 0)
                _close(above, step_function, upper)
                return _at(known, variables, mark, "next", 0)
        raise Blocked(f"{upper.f_code.co_qualname}() is called by the loop's iterator", place_of(frame))
    if not mark.site:
        what = f"{upper.f_code.co_qualname}() is called from inside an operation"
        raise Blocked(what, place_of(frame))
    if generator:
        return _resuming(known, frame, mark, upper, above)
    if mark.entry and known.continuation is not None and mark.site == known.continuation.entry.site:
        state = variables[STATE]
        if state[CALLED] is not upper.f_code:
            raise Blocked(f"{upper.f_code.co_qualname}() is not what was called", place_of(frame))
        way = known.continuation.entry.way
        standing = _at(known, variables, mark, way, mark.site)
        if above is not None:
            _close(above, None, upper)
        if way in ("made", "operation"):
            standing.instance = state[-1]
        return standing
    call = site_node(known, step, mark.site)
    if call is not None and operations.is_operation(call):
        return _operating(known, frame, mark, call, upper, above)
    if not isinstance(call, ast.Call):
        raise Blocked("no call of a statement's own", place_of(frame))
    callee = called(evaluate(call.func, variables, frame.f_globals))
    if callee is None or callee.function.__code__ is not upper.f_code:
        what = f"{upper.f_code.co_qualname}() is not called by the statement itself but from inside {_shown(call.func)}"
        raise Blocked(what, place_of(frame))
    standing = _at(known, variables, mark, "made" if callee.makes else "call", mark.site)
    if above is not None:
        _close(above, callee.function, upper)
    if callee.makes:
        standing.instance = _made_instance(above, upper)
    return standing


def _operating(  # noqa: PLR0917
    known: Known, frame: FrameType, mark: Mark, node: ast.AST, upper: FrameType, above: Standing | None
) -> Standing:
    """The frame above is a method that an operation has called."""
    variables, namespace = frame.f_locals, frame.f_globals
    operation = operations.name_of(node)
    found = None
    if operation is not None and above is not None:
        name, nodes = operation
        operands = operations.values(nodes, lambda each: evaluate(each, variables, namespace))
        itself = not isinstance(node, ast.Call) or operations.is_itself(name, evaluate(node.func, variables, namespace))
        if operands is not None and itself:
            found = operations.attempt(name, operands, upper.f_code, _received(above))
    if found is None or above is None:
        raise Blocked(f"{upper.f_code.co_qualname}() is called from inside an operation", place_of(frame))
    number, method = found
    _close(above, method, upper)
    standing = _at(known, variables, mark, "operation", mark.site)
    standing.instance = number
    return standing


def _received(above: Standing) -> list[Any]:
    """Returns the arguments of a frame, as far as it cannot have rebound them."""
    function = above.known.function
    if above.known.continuation is not None:
        return []
    positional = [each.arg for each in (*function.arguments.posonlyargs, *function.arguments.args)]
    return [_MISSING if name in function.rebound else above.variables.get(name, _MISSING) for name in positional]


def _driven(iterator: object) -> GeneratorType[Any, Any, Any] | None:
    """Returns the generator that a loop's iterator asks before it changes itself, so that it can be asked again."""
    while isinstance(iterator, enumerate):
        iterator = next((each for each in gc.get_referents(iterator) if hasattr(type(each), "__next__")), None)
    return iterator if isinstance(iterator, GeneratorType) else None


def _driving(
    standing: Standing, generator: GeneratorType[Any, Any, Any], above: Standing, upper: FrameType
) -> Standing:
    """The frame above is a generator's: it travels as that generator, and the frame below does its step again."""
    above.generator = generator
    _close(above, function_of(generator), upper)
    return standing


def _resuming(known: Known, frame: FrameType, mark: Mark, upper: FrameType, above: Standing | None) -> Standing:
    variables = frame.f_locals
    node = site_node(known, known.function.steps[mark.number], mark.site)
    way: Way = "again"
    generator: Any = None
    match node:
        case ast.YieldFrom(value=ast.Name(id=name)):
            generator = variables.get(name)
        case ast.Call():
            generator = resumed_generator(node, variables, frame.f_globals)
            if generator is not None and not (isinstance(node.func, ast.Name) and node.func.id == "next"):
                way = "call"
            if mark.entry and known.continuation is not None and known.continuation.entry.way == "call":
                called_before = variables[STATE][CALLED]
                generator, way = called_before() if isinstance(called_before, ref) else None, "call"
    if not isinstance(generator, GeneratorType) or generator.gi_frame is not upper or above is None:
        raise Blocked(
            f"the generator {upper.f_code.co_qualname}() is not driven by the statement itself", place_of(frame)
        )
    standing = _driving(_at(known, variables, mark, way, mark.site), generator, above, upper)
    if way == "call":
        standing.instance = generator  # it must travel, also if nothing else of the rest mentions it
    return standing


def function_of(generator: GeneratorType[Any, Any, Any]) -> FunctionType | None:
    """Returns the function that made a generator: its frame refers to it, and the collector shows it."""
    for found in gc.get_referents(generator):
        if isinstance(found, FunctionType) and found.__code__ is generator.gi_code:
            return found
    return None


def suspended(known: Known, generator: GeneratorType[Any, Any, Any]) -> Standing:
    """Returns where a generator stands that is not running.

    Raises:
        Blocked: it cannot be told.
    """
    frame = generator.gi_frame
    assert frame is not None
    variables = dict(frame.f_locals)
    if not LOCALS_ARE_A_PROXY:
        frame.f_locals.clear()
    function = known.function
    if frame.f_lasti < 0 or generator.gi_suspended is False:
        if known.continuation is None:
            standing = Standing(known, variables, Entry(0, "start", 0, ()), function.line)
        else:
            state = variables[STATE]
            if len(state) > CALLED + 2:
                raise Blocked("a generator has not gone on yet since the move", place_of(frame))
            variables = {**dict(zip(known.continuation.names, state[-1], strict=True)), STATE: state}
            standing = Standing(known, variables, known.continuation.entry, function.line)
    else:
        mark = known.positions.mark(frame.f_lasti)
        if mark is None or mark.number <= 0 or not mark.site:
            raise Blocked("a generator is suspended in the middle of a statement", place_of(frame))
        node = site_node(known, function.steps[mark.number], mark.site)
        way: Way = "from" if isinstance(node, ast.YieldFrom) else "yield"
        standing = _at(known, variables, mark, way, mark.site)
    _close(standing, function_of(generator), frame)
    _collect(standing)
    return standing


def _shown(func: ast.expr) -> str:
    match func:
        case ast.Name(id=name):
            return name if not name.startswith(".") else "a call"
        case ast.Attribute(attr=name):
            return name
    return "a call"


def _step_of(iterator: object) -> FunctionType | None:
    """Returns the ``__next__`` of an iterator, if it is written in Python."""
    for cls in type.mro(type(iterator)):
        method = cls.__dict__.get("__next__")
        if method is not None:
            return method if isinstance(method, FunctionType) else None
    return None


def _made_instance(above: Standing | None, upper: FrameType) -> Any:
    """Returns the object that an ``__init__`` is at work on."""
    if above is not None:
        function = above.known.function
        if function.parameters:
            first = function.parameters[0]
            if first in above.variables and first not in function.rebound:
                return above.variables[first]
    raise Blocked("the object that is being made cannot be told", place_of(upper))


def site_node(known: Known, step: form.Step, site: int) -> ast.AST | None:
    """Returns the call or yield with this number in a step."""
    known.module.emitter.step(step)
    match step:
        case form.Plain(nodes=[first, *_]):
            node: ast.AST = first
        case form.If(test=test) | form.While(test=test):
            node = test
        case form.Match(subject=subject):
            node = subject
        case _:
            return None
    stack = [node]
    while stack:
        each = stack.pop()
        if form.noted(each, "site") == site:
            return each
        if not isinstance(each, ast.Lambda):
            stack.extend(ast.iter_child_nodes(each))
    return None


def _close(standing: Standing, function: FunctionType | None, frame: FrameType) -> None:
    """Finds the cells of a frame's free variables: a frame does not give them, its function does."""
    names = frame.f_code.co_freevars
    if not names:
        return
    if standing.known.continuation is not None:
        cells = standing.variables[STATE][CLOSURE]
    else:
        cells = function.__closure__ if function is not None and function.__code__ is frame.f_code else None
    if cells is None or len(cells) != len(names):
        raise Blocked(f"the closure of {frame.f_code.co_qualname}() cannot be told", place_of(frame))
    for name, cell in zip(names, cells, strict=True):
        if _content(cell) is not standing.variables.get(name, _UNSET):
            raise Blocked(f"the closure of {frame.f_code.co_qualname}() cannot be told", place_of(frame))
    standing.closure = dict(zip(names, cells, strict=True))


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _UNSET


def _collect(standing: Standing) -> None:
    """Takes what the rest needs."""
    function = standing.known.function
    read, shared = standing.known.module.needs(function, standing.entry)
    variables = standing.variables
    standing.values = {name: variables[name] for name in read if name in variables}
    whole = standing.known.module.shows_all_variables(function)
    for name, value in variables.items():
        if name in standing.values or name not in function.names or name in function.shared:
            continue
        if whole or (isinstance(value, GeneratorType) and _ends_with_code(standing, value)):
            standing.values[name] = value
    if shared:
        kept = _kept_cells(function, variables)
        for name in shared:
            if name not in standing.closure and name in standing.known.code.co_freevars:
                raise Blocked(f"the closure of {function.qualname}() cannot be told", f"line {standing.line}")
            cell = standing.closure.get(name) or kept.get(name)
            if cell is None:
                cell = CellType(variables[name]) if name in variables else CellType()
            standing.cells[name] = cell


def _ends_with_code(standing: Standing, generator: GeneratorType[Any, Any, Any]) -> bool:
    """Tells whether a generator that nothing mentions any more will still run code of the program's when it is closed."""
    if generator.gi_frame is None or generator.gi_running:
        return False
    known = standing.known.module.program.known(generator.gi_code)
    if known is None or not generator.gi_suspended:
        return False
    mark = known.positions.mark(generator.gi_frame.f_lasti)
    step = known.function.steps.get(mark.number) if mark is not None else None
    block = step.block if step is not None else None
    while block is not None and block.parent is not None:
        if isinstance(block.parent, form.Finally | form.With | form.Try) and block.role != "orelse":
            return True
        block = block.parent.block
    return False


def _kept_cells(function: form.Function, variables: Mapping[str, Any]) -> dict[str, CellType]:
    found: dict[str, CellType] = {}
    for keeper in function.keepers:
        closure = variables.get(keeper)
        if isinstance(closure, FunctionType) and closure.__closure__:
            found.update(zip(closure.__code__.co_freevars, closure.__closure__, strict=True))
    return found
