"""The code of a program's files: normal form, code objects, the rests of functions. It knows no values.

The same source gives the same code, so it is made once in a process and shared by all programs loaded from it; a warm
parent makes it before it forks.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Final

from devices.errors import ProtocolError, SourceError
from devices.runtime.python import form
from devices.runtime.python.continuation import Continuation, build, compile_quietly
from devices.runtime.python.emit import Emitter
from devices.runtime.python.facts import gather
from devices.runtime.python.lines import START, START_INSIDE, Lines, Mark, dress
from devices.runtime.python.normalize import module_form
from devices.runtime.python.positions import Positions
from devices.runtime.python.rest import Entry, Rest, RestBuilder
from devices.runtime.python.shape import ModuleForm
from devices.runtime.python.spelling import spell_out
from devices.runtime.source import Source

_BESIDE_A_FUNCTION: Final = ("<module>", "<generic parameters", "__annotate__")
"""Code objects that begin on a function's line but are not the function (PEP 695, PEP 649)."""


@dataclass(eq=False)
class Known:
    """A code object of the program: ``code`` runs, ``compiled`` has the virtual lines."""

    code: CodeType
    compiled: CodeType
    module: ModuleCode
    function: form.Function
    continuation: Continuation | None = None
    _positions: Positions | None = None

    @property
    def positions(self) -> Positions:
        """Its statements, found when first asked for."""
        if self._positions is None:
            loops = {number for number, step in self.function.steps.items() if isinstance(step, form.For)}
            self._positions = Positions(self.compiled, self.module.lines, loops)
        return self._positions


@dataclass(eq=False)
class ModuleCode:
    """One file of a program: its normal form and what has been made of it so far."""

    program: ProgramCode
    shape: ModuleForm
    lines: Lines
    emitter: Emitter
    rests: RestBuilder
    text: str
    code: CodeType | None = None
    codes: dict[int, CodeType] = field(default_factory=dict)
    continuations: dict[tuple[int, Entry, tuple[str, ...]], Continuation] = field(default_factory=dict)
    _global_names: dict[tuple[int, Entry], frozenset[str]] = field(default_factory=dict)
    _loose_names: frozenset[str] | None = None
    _lines_of_text: list[str] | None = None
    _needs: dict[tuple[int, Entry], tuple[list[str], list[str]]] = field(default_factory=dict)

    def rest(self, function: form.Function, entry: Entry) -> Rest:
        """Returns the rest of a function from an entry.

        Raises:
            ProtocolError: there is no such place in the function.
        """
        if entry.way == "start":
            return self.rests.whole(function)
        step = function.steps.get(entry.number)
        if step is None or (entry.way in ("before", "next")) is not (entry.site == 0):
            raise ProtocolError(f"{function.qualname} has no place {entry}")
        try:
            return self.rests.rest(step, entry)
        except (AssertionError, StopIteration) as error:
            raise ProtocolError(f"{function.qualname} has no place {entry}") from error

    def needs(self, function: form.Function, entry: Entry) -> tuple[list[str], list[str]]:
        """Returns the names that the rest reads, and those of its cells; found once."""
        key = (function.number, entry)
        found = self._needs.get(key)
        if found is None:
            rest = self.rest(function, entry)
            cells = function.shared | function.free
            read = sorted(name for name in rest.read - cells if name in function.names or name.startswith("."))
            found = self._needs[key] = read, sorted(cells & (rest.read | rest.bound))
            self._global_names[key] = frozenset(rest.read - cells - function.names)
        return found

    def rest_names(self, function: form.Function, entry: Entry) -> frozenset[str]:
        """Returns the global names that the rest reads, and the functions in it."""
        self.needs(function, entry)
        return self._global_names[function.number, entry]

    def shows_all_variables(self, function: form.Function) -> bool:
        """Tells whether variables that the rest never mentions can be seen all the same.

        By ``locals()`` and its like; by the end of an object that has a ``__del__``, or that something refers to weakly.
        """
        asks = not function.outside.isdisjoint({"locals", "vars", "dir"})
        return asks or "__del__" in self.shape.facts.special or "weakref" in self.program.imported

    @property
    def loose_names(self) -> frozenset[str]:
        """The global names that functions use which are not found by a global name: methods, lambdas."""
        if self._loose_names is None:
            loose = [each.outside for each in self.shape.functions if "." in each.qualname or "<" in each.qualname]
            self._loose_names = frozenset().union(*loose)
        return self._loose_names

    @property
    def lines_of_text(self) -> list[str]:
        """The source's lines."""
        if self._lines_of_text is None:
            self._lines_of_text = self.text.splitlines()
        return self._lines_of_text

    def function(self, number: int) -> form.Function | None:
        """Returns a function by its number."""
        return self.shape.functions[number - 1] if 0 < number <= len(self.shape.functions) else None


class ProgramCode:
    """The code of all files of a source, by module."""

    def __init__(self, source: Source) -> None:
        trees = {path: _parse(path, text) for path, text in source.files.items()}
        facts = gather(list(trees.values()))
        facts.quiet_modules -= {_module_name(path) for path in trees}
        self.modules: dict[str, ModuleCode] = {}
        self.packages = {_module_name(path) for path in trees if path.endswith("__init__.py")}
        self.continuations: list[tuple[str, Continuation]] = []  # in the order in which they were built
        self._known: dict[int, Known] = {}
        imported = frozenset().union(*(_imports(tree) for tree in trees.values()))
        for path, text in source.files.items():
            name = _module_name(path)
            shape = module_form(name, path, spell_out(trees[path], path), facts)
            lines = Lines()
            emitter = Emitter(shape, lines)
            self.modules[name] = ModuleCode(self, shape, lines, emitter, RestBuilder(emitter), text)
        self.imported = imported - set(self.modules)

    def known(self, code: CodeType) -> Known | None:
        """Returns what is known of a code object; ``None``: not the program's."""
        return self._known.get(id(code))

    def prepare(self) -> None:
        """Makes ready what the first stop would have to: the places to stop, and what statements mention."""
        for module in self.modules.values():
            self.compiled(module)
        for known in list(self._known.values()):
            _ = known.positions.stops
            for step in known.function.steps.values():
                known.module.rests.of(step)

    def compiled(self, module: ModuleCode) -> CodeType:
        """Returns the code that executes a module.

        Raises:
            SourceError: Python finds an error in it that its grammar does not show.
        """
        if module.code is None:
            tree = module.shape.tree
            body = [module.emitter.outside(node) for node in tree.body]
            try:
                compiled = compile_quietly(ast.Module(body, []), module.shape.filename)
            except SyntaxError as error:
                mark = module.lines.mark(error.lineno or 0)
                raise SourceError(error.msg, place=f"{module.shape.filename}:{mark.line}") from None
            module.code = self._dressed(compiled, module)
        return module.code

    def _dressed(self, compiled: CodeType, module: ModuleCode, continuation: Continuation | None = None) -> CodeType:
        """Returns the running copy of compiled code, and knows all functions in it from now on."""

        def function_of(mark: Mark, code: CodeType) -> form.Function | None:
            own = mark.number in (START, START_INSIDE) and not code.co_name.startswith(_BESIDE_A_FUNCTION)
            return module.function(mark.function) if own else None

        def rename(mark: Mark, code: CodeType) -> str | None:
            function = function_of(mark, code)
            return None if function is None else function.qualname

        def seen(before: CodeType, after: CodeType) -> None:
            mark = module.lines.mark(before.co_firstlineno)
            function = function_of(mark, before)
            if function is not None:
                own = continuation if before.co_name == ".rest" else None
                if continuation is None:
                    module.codes[mark.function] = after
                self._known[id(after)] = Known(after, before, module, function, own)

        return dress(compiled, module.lines, rename, seen)

    def continuation(
        self, module: ModuleCode, function: form.Function, entry: Entry, names: Sequence[str]
    ) -> Continuation:
        """Returns the rest of a function from an entry, with these variables bound; built once."""
        key = (function.number, entry, tuple(names))
        found = module.continuations.get(key)
        if found is None:
            found = module.continuations[key] = Continuation(function, entry, tuple(names))
            rest = module.rest(function, entry)
            compiled = build(function, rest, names, module.emitter, module.shape.filename)
            running = self._dressed(compiled, module, found)
            factory = next(constant for constant in running.co_consts if isinstance(constant, CodeType))
            found.code = next(
                constant
                for constant in factory.co_consts
                if isinstance(constant, CodeType) and self._known[id(constant)].continuation is found
            )
            self.continuations.append((module.shape.name, found))
        return found


_made: dict[bytes, ProgramCode] = {}
_MOST: Final = 16
"""Sources whose code is kept; the oldest goes first."""


def code_of(source: Source) -> ProgramCode:
    """Returns the code of a source, made once in this process.

    Raises:
        SourceError: a syntax error.
        CannotTravelError: an ordinary function makes an asynchronous generator; with file and line.
    """
    digest = source.digest
    found = _made.get(digest)
    if found is None:
        while len(_made) >= _MOST:
            del _made[next(iter(_made))]
        try:
            found = _made[digest] = ProgramCode(source)
        except RecursionError:
            raise SourceError("its expressions are nested too deep", place=source.main_file) from None
    return found


def _imports(tree: ast.Module) -> frozenset[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names.add(node.module)
    return frozenset(names)


def _module_name(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _parse(path: str, text: str) -> ast.Module:
    try:
        return ast.parse(text, path)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        message = getattr(error, "msg", None) or str(error)
        raise SourceError(f"syntax error: {message}", place=f"{path}:{line}") from None
