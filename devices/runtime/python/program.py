"""A loaded program: its modules in normal form, executed, and its code objects known by identity."""

from __future__ import annotations

import ast
import builtins
import linecache
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType, FunctionType, ModuleType
from typing import Any

from devices.errors import ProtocolError, SourceError
from devices.runtime.python import form
from devices.runtime.python.continuation import Continuation, build
from devices.runtime.python.emit import START, Emitter
from devices.runtime.python.facts import gather
from devices.runtime.python.glue import HIDDEN
from devices.runtime.python.library import Library
from devices.runtime.python.lines import Lines, Mark, dress
from devices.runtime.python.normalize import ModuleForm, module_form
from devices.runtime.python.positions import Positions
from devices.runtime.python.rest import Entry, Rest, RestBuilder
from devices.runtime.python.spelling import spell_out
from devices.runtime.source import Source

_OURS = "__midstream__"


@dataclass(eq=False)
class Known:
    """A code object of the program: ``code`` runs, ``compiled`` has the virtual lines."""

    code: CodeType
    compiled: CodeType
    module: LoadedModule
    function: form.Function
    continuation: Continuation | None = None
    _positions: Positions | None = None

    @property
    def positions(self) -> Positions:
        """Its statements, found when first asked for."""
        if self._positions is None:
            self._positions = Positions(self.compiled, self.module.lines)
        return self._positions


@dataclass(eq=False)
class LoadedModule:
    """One file: normal form, code, namespace."""

    shape: ModuleForm
    lines: Lines
    emitter: Emitter
    rests: RestBuilder
    text: str
    namespace: dict[str, Any]
    object: ModuleType
    code: CodeType | None = None
    executed: bool = False
    fresh: dict[str, Any] = field(default_factory=dict)
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
        if step is None or (entry.way == "before") is not (entry.site == 0):
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


class Program:
    """The function's own modules, loaded from a `Source`."""

    def __init__(self, source: Source, library: Library) -> None:
        self.source = source
        self.library = library
        self.modules: dict[str, LoadedModule] = {}
        self.codes: dict[int, Known] = {}
        self._packages: set[str] = set()
        self._imported_names: frozenset[str] = frozenset()
        self._builtins: dict[str, Any] = {**vars(builtins), **HIDDEN, "__import__": self._import}

    @classmethod
    def load(cls, source: Source, *, library: Library) -> Program:
        """Brings every file to normal form and executes the main one; the others when they are imported.

        Args:
            source: the files that travel.
            library: what the runtime around the engine supplies.

        Raises:
            SourceError: a syntax error; the module fails while it is executed.
            CannotTravelError: ``async``, with file and line.
        """
        program = cls(source, library)
        trees = {path: _parse(path, text) for path, text in source.files.items()}
        facts = gather(list(trees.values()))
        for path, text in source.files.items():
            name = _module_name(path)
            if path.endswith("__init__.py"):
                program._packages.add(name)
            shape = module_form(name, path, spell_out(trees[path], path), facts)
            lines = Lines()
            emitter = Emitter(shape, lines)
            module = ModuleType(name)
            module.__dict__.update(
                {
                    "__builtins__": program._builtins,
                    "__file__": path,
                    "__package__": name if name in program._packages else name.rpartition(".")[0],
                    _OURS: True,
                }
            )
            program.modules[name] = LoadedModule(
                shape, lines, emitter, RestBuilder(emitter), text, module.__dict__, module
            )
            linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
            program._imported_names |= _imports(trees[path]) - {_module_name(each) for each in source.files}
        program._execute(program.main)
        return program

    @property
    def main(self) -> LoadedModule:
        """The main module."""
        return self.modules[self.source.module]

    @property
    def namespace(self) -> dict[str, Any]:
        """The main module's globals."""
        return self.main.namespace

    def functions(self) -> dict[str, Any]:
        """Returns the functions that the main module defines at its own level, plain or decorated, in order."""
        defined = [node.name for node in self.main.shape.tree.body if isinstance(node, ast.FunctionDef)]
        return {name: self.namespace[name] for name in defined if name in self.namespace}

    def prepare(self) -> None:
        """Makes ready what the first stop would have to: the tables of the statements at which the code may stop."""
        for known in list(self.codes.values()):
            _ = known.positions.stops

    # -- code -----------------------------------------------------------------------------------------------------

    def known(self, code: CodeType) -> Known | None:
        """Returns what is known of a code object; ``None``: not the program's."""
        return self.codes.get(id(code))

    def dressed(self, compiled: CodeType, module: LoadedModule, continuation: Continuation | None = None) -> CodeType:
        """Returns the running copy of compiled code, and knows all functions in it from now on."""

        def rename(mark: Mark, code: CodeType) -> str | None:
            function = module.function(mark.function) if mark.number == START else None
            return None if function is None or code.co_name == "<module>" else function.qualname

        def seen(before: CodeType, after: CodeType) -> None:
            mark = module.lines.mark(before.co_firstlineno)
            function = module.function(mark.function) if mark.number == START else None
            if function is not None and before.co_name != "<module>":
                own = continuation if before.co_name == ".rest" else None
                if continuation is None:
                    module.codes[mark.function] = after
                self.codes[id(after)] = Known(after, before, module, function, own)

        return dress(compiled, module.lines, rename, seen)

    def continuation(
        self, module: LoadedModule, function: form.Function, entry: Entry, names: Sequence[str]
    ) -> Continuation:
        """Returns the rest of a function from an entry, with these variables bound; built once."""
        key = (function.number, entry, tuple(names))
        found = module.continuations.get(key)
        if found is None:
            found = module.continuations[key] = Continuation(function, entry, tuple(names))
            rest = module.rest(function, entry)
            compiled = build(function, rest, names, module.emitter, module.shape.filename)
            running = self.dressed(compiled, module, found)
            factory = next(constant for constant in running.co_consts if isinstance(constant, CodeType))
            found.code = next(
                constant
                for constant in factory.co_consts
                if isinstance(constant, CodeType) and self.codes[id(constant)].continuation is found
            )
        return found

    # -- modules --------------------------------------------------------------------------------------------------

    def _execute(self, module: LoadedModule) -> None:
        module.executed = True
        name = module.shape.name
        present = sys.modules.get(name)
        if present is None or _OURS in vars(present):
            sys.modules[name] = module.object
        tree = module.shape.tree
        tree.body = [module.emitter.outside(node) for node in tree.body]
        try:
            compiled = compile(tree, module.shape.filename, "exec", dont_inherit=True)
        except SyntaxError as error:
            mark = module.lines.mark(error.lineno or 0)
            raise SourceError(error.msg, place=f"{module.shape.filename}:{mark.line}") from None
        module.code = self.dressed(compiled, module)
        exec(module.code, module.namespace)  # noqa: S102  (the user's own source is what this process is for)
        module.fresh = dict(module.namespace)

    def _import(
        self,
        name: str,
        namespace: Mapping[str, Any] | None = None,
        variables: Mapping[str, Any] | None = None,
        names: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """Imports for the program's modules: the files that travel first, then what is installed."""
        full = name
        if level:
            package = str((namespace or {}).get("__package__") or "")
            parts = package.split(".")
            full = ".".join([*parts[: len(parts) - level + 1], *([name] if name else [])])
        if full.partition(".")[0] not in self.modules:
            return builtins.__import__(name, namespace, variables, names or (), level)
        found: LoadedModule | None = None
        parts = full.split(".")
        for depth in range(1, len(parts) + 1):
            found = self._imported(".".join(parts[:depth]))
        assert found is not None
        if not names:
            return self.modules[parts[0]].object
        for each in names:
            if each not in found.namespace and f"{full}.{each}" in self.modules:
                self._imported(f"{full}.{each}")
        return found.object

    @property
    def imported(self) -> frozenset[str]:
        """The names of the installed modules that the program's files import."""
        return self._imported_names

    def executed(self, module: LoadedModule) -> LoadedModule:
        """Returns a module, executed if nothing has imported it yet."""
        if not module.executed:
            self._imported(module.shape.name)
        return module

    def _imported(self, name: str) -> LoadedModule:
        module = self.modules.get(name)
        if module is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        if not module.executed:
            self._execute(module)
            parent, _, child = name.rpartition(".")
            if parent:
                self.modules[parent].namespace[child] = module.object
        return module


def function_behind(value: object) -> FunctionType | None:
    """Returns the plain function behind decorators that say what they wrap."""
    while not isinstance(value, FunctionType):
        value = getattr(value, "__wrapped__", None)
        if value is None:
            return None
    return value


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
