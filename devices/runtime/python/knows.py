"""What the value codec asks of the engine: functions, classes, generators, cells, modules and tracebacks of the program.

Reading checks everything: an image comes from elsewhere, and only what the travelling source has can be named by it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from types import CellType, FunctionType, GeneratorType, ModuleType, TracebackType
from typing import Any, Final, TypeAlias

from devices.errors import CannotTravelError, ProtocolError
from devices.runtime.python.frames import Blocked, place_of, suspended
from devices.runtime.python.glue import Bare
from devices.runtime.python.lines import one_line
from devices.runtime.python.loaded import LoadedModule
from devices.runtime.python.program import Program, find
from devices.runtime.python.records import Record, instantiate
from devices.runtime.python.rest import Entry
from devices.runtime.python.values.contract import Described, Plain

_LONGEST_TRACEBACK: Final = 2000
_FINISHED: Final = Entry(0, "start", 0, ())
Generator: TypeAlias = "GeneratorType[Any, Any, Any]"


class Knowledge:
    """`values.contract.Knows` for one capture or restore.

    Args:
        program: the program.
        running: by ``id``, the generators on the stack and their frames' numbers (capture).
        records: the frames' records (restore).
    """

    def __init__(
        self,
        program: Program,
        *,
        running: Mapping[int, tuple[int, list[CellType]]] | None = None,
        records: Sequence[Record] = (),
    ) -> None:
        self.program = program
        self._running = running or {}
        self._records = records
        self.waiting: list[tuple[Generator, list[Any], Record]] = []
        self.resumed: dict[int, tuple[Generator, list[Any]]] = {}

    def modules(self) -> Collection[str]:
        """Returns the names of the modules that the program's files import."""
        return self.program.imported

    # -- describing -----------------------------------------------------------------------------------------------

    def describe(self, value: Any) -> Described | None:
        """Returns how a value of the program travels."""
        match value:
            case FunctionType():
                return self._describe_function(value)
            case type():
                return self._describe_class(value)
            case CellType():
                try:
                    return Described("cell", [value.cell_contents], plain=True)
                except ValueError:
                    return Described("cell", [], plain=False)
            case GeneratorType():
                return self._describe_generator(value)
            case ModuleType():
                found = self.program.modules.get(value.__name__)
                return Described("module", [], value.__name__) if found and found.object is value else None
            case TracebackType():
                return Described("traceback", [], _entries(value))
            case Bare():
                return Described("bare", [value.iterator])
        return None

    def _describe_function(self, value: FunctionType) -> Described | None:
        known = self.program.known(value.__code__)
        if known is None:
            holder = self.program.modules.get(value.__module__)  # a wrapper made by a decorator from elsewhere
            if holder is not None and find(holder, value.__qualname__) is value:
                return Described("named", [], [holder.name, value.__qualname__])
            if holder is not None and value.__code__.co_filename == holder.code.shape.filename:
                raise CannotTravelError(
                    f"the {value.__qualname__} of {holder.code.shape.filename}:{value.__code__.co_firstlineno} cannot travel: "
                    "more than one thing is done in it, outside of a function",
                    remedy="Write it as a def.",
                )
            return None
        if known.continuation is not None:
            return None
        module = self.program.modules[known.module.shape.name]
        if "<" not in value.__qualname__ and find(module, value.__qualname__) is value:
            return Described("named", [], [module.name, value.__qualname__])
        names = list(value.__code__.co_freevars)
        children = [value.__defaults__, value.__kwdefaults__, dict(vars(value)), value.__doc__]
        plain = [module.name, known.function.number, names, value.__name__, value.__qualname__]
        return Described("function", children, plain, list(value.__closure__ or ()))

    def _describe_class(self, value: type) -> Described | None:
        module = self.program.modules.get(value.__module__)
        if module is None:
            return None
        if find(module, value.__qualname__) is value:
            return Described("class", [], [module.name, value.__qualname__])
        raise CannotTravelError(
            f"the class {value.__qualname__} cannot be found by its name at the destination",
            remedy="Define it at the module's own level, under its own name.",
        )

    def _describe_generator(self, value: Generator) -> Described | None:
        known = self.program.known(value.gi_code)
        if known is None:
            return None
        names = [value.__name__, value.__qualname__]
        running = self._running.get(id(value))
        if running is not None:
            index, cells = running
            return Described("running", [], [index, *names], cells)
        if value.gi_frame is None:
            return Described("finished", [], [known.module.shape.name, known.function.number, *names])
        if value.gi_running:
            raise Blocked("a generator is running", place_of(value.gi_frame))
        standing = suspended(known, value)
        record = Record.of(standing)
        children = list(standing.values.values())
        return Described("generator", children, [record.plain(), *names], list(standing.cells.values()))

    # -- making ---------------------------------------------------------------------------------------------------

    def make(self, tag: str, plain: Plain, needs: list[Any]) -> Any:
        """Returns the object that `describe` told of."""
        match tag, plain:
            case "cell", bool():
                return CellType()
            case (("named" | "class"), [str(name), str(qualname)]):
                found = find(self._module(name), qualname)
                if not isinstance(found, type if tag == "class" else FunctionType):
                    raise ProtocolError(f"{name[:100]} has no {tag} {qualname[:100]}")
                return found
            case "module", str(name):
                return self._module(name).object
            case "bare", None:
                return Bare(None)
            case "function", [str(name), int(number), list(names), str(short), str(long)]:
                return self._make_function(self._module(name), number, names, needs, short, long)
            case "traceback", list(entries):
                return _make_traceback(entries)
            case "finished", [str(name), int(number), str(short), str(long)]:
                generator, _ = self._new_generator(Record(name, number, _FINISHED, (), ()), [], short, long)
                generator.close()
                return generator
            case "generator", [fields, str(short), str(long)]:
                record = Record.from_plain(fields)
                generator, state = self._new_generator(record, needs, short, long)
                self.waiting.append((generator, state, record))
                return generator
            case "running", [int(index), str(short), str(long)] if 0 <= index < len(self._records):
                made = self._new_generator(self._records[index], needs, short, long)
                self.resumed[index] = made
                return made[0]
        raise ProtocolError(f"the engine knows no {tag[:40]!r} like this")

    def _module(self, name: str) -> LoadedModule:
        module = self.program.modules.get(name)
        if module is None:
            raise ProtocolError(f"the program has no module {name[:100]!r}")
        return self.program.executed(module)

    def _make_function(  # noqa: PLR0917
        self, module: LoadedModule, number: int, names: list[Any], needs: list[Any], short: str, long: str
    ) -> FunctionType:
        code = module.code.codes.get(number)
        if code is None or len(names) != len(needs) or not all(isinstance(cell, CellType) for cell in needs):
            raise ProtocolError(f"{module.name} has no function {number} like this")
        cells = dict(zip(names, needs, strict=True))
        closure = tuple(cells.get(name) or CellType() for name in code.co_freevars)
        function = FunctionType(code, module.namespace, short, None, closure)
        function.__qualname__ = long
        function.__module__ = module.name
        return function

    def _new_generator(self, record: Record, cells: list[Any], short: str, long: str) -> tuple[Generator, list[Any]]:
        function, state = instantiate(self.program, record, cells)
        generator = function(state)
        if not isinstance(generator, GeneratorType):
            raise ProtocolError(f"{function.__qualname__} is no generator function")
        generator.__name__, generator.__qualname__ = short, long
        return generator, state

    # -- filling --------------------------------------------------------------------------------------------------

    def fill(self, made: Any, tag: str, plain: Plain, children: list[Any]) -> None:
        """Completes an object."""
        match tag:
            case "cell" if plain and len(children) == 1:
                made.cell_contents = children[0]
            case "bare" if len(children) == 1:
                made.iterator = children[0]
            case "function" if len(children) == 4:
                defaults, keyword_defaults, attributes, text = children
                if not isinstance(attributes, dict) or not all(isinstance(name, str) for name in attributes):
                    raise ProtocolError("a function's attributes are not a dict of names")
                made.__defaults__, made.__kwdefaults__, made.__doc__ = defaults, keyword_defaults, text
                made.__dict__.update(attributes)
            case "generator":
                state, record = next((state, record) for each, state, record in self.waiting if each is made)
                if len(children) != len(record.names):
                    raise ProtocolError("a generator's variables are not as many as their names")
                state += [None, tuple(children)]
            case _ if children:
                raise ProtocolError(f"a {tag[:40]!r} holds nothing")

    def prime(self) -> None:
        """Brings generators to the ``yield`` at which they were suspended, when everything is filled.

        Raises:
            ProtocolError: a generator's variables are not what its place needs.
        """
        for generator, _, record in self.waiting:
            if record.entry.way in ("yield", "from"):
                try:
                    next(generator)
                except Exception as error:
                    raise ProtocolError(f"the generator {generator.__qualname__} cannot go on") from error


def _entries(traceback: TracebackType | None) -> list[list[Any]]:
    entries: list[list[Any]] = []
    while traceback is not None and len(entries) < _LONGEST_TRACEBACK:
        code = traceback.tb_frame.f_code
        entries.append([code.co_filename, code.co_name, code.co_qualname, traceback.tb_lineno])
        traceback = traceback.tb_next
    return entries


def _make_traceback(entries: list[Any]) -> TracebackType | None:
    traceback: TracebackType | None = None
    for entry in reversed(entries[:_LONGEST_TRACEBACK]):
        match entry:
            case [str(filename), str(name), str(qualname), int(line)] if 0 <= line < 2**31:
                code = _stub.__code__.replace(
                    co_filename=filename,
                    co_name=name,
                    co_qualname=qualname,
                    co_firstlineno=line,
                    co_linetable=one_line(len(_stub.__code__.co_code)),
                )
                frame = FunctionType(code, {"__name__": name})().gi_frame
                traceback = TracebackType(traceback, frame, 0, line)
            case _:
                raise ProtocolError("a traceback is not described as one")
    if traceback is None:
        raise ProtocolError("an empty traceback")
    return traceback


def _stub() -> Iterator[None]:
    """Gives a frame for a traceback to name. It never runs: a frame that has run keeps those below it, with all values."""
    yield
