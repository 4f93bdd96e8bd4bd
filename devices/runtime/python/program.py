"""A loaded program: the namespaces of its modules, executed."""

from __future__ import annotations

import ast
import builtins
import linecache
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final

from devices.runtime.python import form, identities, twins
from devices.runtime.python.ambient import Ambient
from devices.runtime.python.continuation import Continuation
from devices.runtime.python.glue import HIDDEN
from devices.runtime.python.identities import Identities
from devices.runtime.python.library import Library
from devices.runtime.python.loaded import LoadedModule, Look, look_at
from devices.runtime.python.module import Known, ModuleCode, code_of
from devices.runtime.python.rest import Entry
from devices.runtime.python.values import Registered
from devices.runtime.source import Source

_OURS: Final = "__midstream__"


class Program:
    """The function's own modules, loaded from a `Source`."""

    def __init__(self, source: Source, library: Library) -> None:
        self.source = source
        self.library = library
        self.code = code_of(source)
        self.identities = Identities()
        self._builtins: dict[str, Any] = {**vars(builtins), **HIDDEN, "__import__": self._import}
        if self.asks_numbers:
            self._builtins[identities.NAME] = self.identities.function
        self.modules = {name: self._unexecuted(code) for name, code in self.code.modules.items()}
        self.ambient = self._ambient()
        self.order: list[str] = []  # of the modules that have been executed

    @classmethod
    def load(cls, source: Source, *, library: Library) -> Program:
        """Brings every file to normal form and executes the main one; the others when they are imported.

        Args:
            source: the files that travel.
            library: what the runtime around the engine supplies.

        Raises:
            SourceError: a syntax error.
            CannotTravelError: an ordinary function makes an asynchronous generator; with file and line.
            Exception: whatever the module's own code raises while it is executed.
        """
        program = cls(source, library)
        for path, text in source.files.items():
            linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
        program._execute(program.main)
        return program

    def _ambient(self) -> Ambient:
        return Ambient(self.imported, {name: module.object for name, module in self.modules.items()})

    def begins(self) -> None:
        """Takes a note of the process as it is: what is different later is the function's doing."""
        self.ambient = self._ambient()

    @property
    def main(self) -> LoadedModule:
        """The main module."""
        return self.modules[self.source.module]

    @property
    def namespace(self) -> dict[str, Any]:
        """The main module's globals."""
        return self.main.namespace

    @property
    def imported(self) -> frozenset[str]:
        """The names of the installed modules that the program's files import."""
        return self.code.imported

    def functions(self) -> dict[str, Any]:
        """Returns the functions that the main module defines at its own level, plain or decorated, in order."""
        defined = [node.name for node in self.main.code.shape.tree.body if isinstance(node, ast.FunctionDef)]
        return {name: self.namespace[name] for name in defined if name in self.namespace}

    def prepare(self) -> None:
        """Makes ready what the first stop would have to: the tables of the statements at which the code may stop."""
        self.code.prepare()

    def known(self, code: CodeType) -> Known | None:
        """Returns what is known of a code object; ``None``: not the program's."""
        return self.code.known(code)

    def continuation(
        self, module: LoadedModule, function: form.Function, entry: Entry, names: Sequence[str]
    ) -> Continuation:
        """Returns the rest of a function from an entry, with these variables bound; built once.

        Raises:
            ProtocolError: there is no such place in the function.
        """
        return self.code.continuation(module.code, function, entry, names)

    @property
    def asks_numbers(self) -> bool:
        """Whether the program mentions ``id``, so that objects must keep their numbers."""
        return self.code.modules[self.source.module].shape.facts.numbers

    def look(self) -> list[Look]:
        """Returns what the modules' globals, classes and functions hold at this moment."""
        return [look for module in self.modules.values() for look in look_at(module)]

    def registered(self, looks: Iterable[Look] | None = None) -> Registered:
        """Returns what the codec names instead of carrying it: the library's objects, and what import makes anew.

        Args:
            looks: at the modules, where somebody has looked already.
        """
        named: dict[str, object] = {}
        for look in self.look() if looks is None else looks:
            named.update(look.named())
        given = self.library.registered
        if self.asks_numbers:
            named[f"builtins.{identities.NAME}"] = self.identities.function
        if self.main.code.shape.facts.identity:
            named.update(_constants(self.imported))
        return replace(given, named={**named, **self.ambient.streams, **given.named})

    def executed(self, module: LoadedModule) -> LoadedModule:
        """Returns a module, executed if nothing has imported it yet."""
        if not module.executed:
            self._imported(module.name)
        return module

    def _unexecuted(self, code: ModuleCode) -> LoadedModule:
        name = code.shape.name
        module = ModuleType(name)
        module.__dict__.update(
            {
                "__builtins__": self._builtins,
                "__file__": code.shape.filename,
                "__package__": name if name in self.code.packages else name.rpartition(".")[0],
                _OURS: True,
            }
        )
        if name in self.code.packages:
            module.__path__ = []
        return LoadedModule(code, module)

    def _execute(self, module: LoadedModule) -> None:
        module.executed = True
        self.order.append(module.name)
        present = sys.modules.get(module.name)
        if present is None or _OURS in vars(present):
            sys.modules[module.name] = module.object
        exec(self.code.compiled(module.code), module.namespace)  # noqa: S102  (the user's own source is what this is for)
        module.imported(frozenset(self.modules))

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
            return twins.STAND_INS.get(full) or builtins.__import__(name, namespace, variables, names or (), level)
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


def _constants(imported: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yields texts of installed modules that are told from equal ones, such as `argparse.SUPPRESS`, with their names."""
    for module in imported:
        for name, value in list(vars(sys.modules[module]).items()) if module in sys.modules else []:
            if type(value) is str and name.isupper():
                yield f"{module}.{name}", value


def function_behind(value: object) -> FunctionType | None:
    """Returns the plain function behind decorators that say what they wrap."""
    while not isinstance(value, FunctionType):
        value = getattr(value, "__wrapped__", None)
        if value is None:
            return None
    return value


def find(module: LoadedModule, qualname: str) -> object:
    """Returns what a module defines under a qualified name, without running anything."""
    first, *rest = qualname.split(".")
    found: object = module.namespace.get(first)
    for name in rest:
        if not isinstance(found, type):
            return None
        found = found.__dict__.get(name)
        if isinstance(found, staticmethod | classmethod):
            found = found.__func__
    return found
