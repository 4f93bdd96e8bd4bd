"""Which globals the rest of a program can reach, and which of them an image does not tell the values of.

An image carries the globals that have changed since import and that its own rest can reach (`state`). A new rest that
reaches more would find there what import makes, though the program may have changed it: that must not happen unseen.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

from devices.runtime.python.module import ModuleCode, ProgramCode
from devices.runtime.python.records import Record
from devices.runtime.python.upgrading.frames import Version

Global = tuple[str, str]
"""A module and a name in it."""


def unknown_globals(
    old: Version, new: Version, frames: Iterable[Record], landed: Iterable[Record], carried: Iterable[Global]
) -> list[Global]:
    """Returns the globals whose values the new rest may read and nobody knows: the old program may have changed them.

    Args:
        old: the program that the image was taken of.
        new: what it shall go on with.
        frames: where its frames stood, those of generators among them.
        landed: where they stand now.
        carried: the globals in the image.
    """
    seen = set(_reached(old, frames, surely=True)) | set(carried)
    found = []
    for module, name in sorted(set(_reached(new, landed, surely=False)) - seen):
        code = old.code.modules.get(module)
        if code is not None and name in code.shape.bound and not _stays(code, old.trees[module], name):
            found.append((module, name))
    return found


def _reached(version: Version, records: Iterable[Record], *, surely: bool) -> Iterator[Global]:
    """Yields what is reached: no more than that (``surely``), or everything that might be."""
    program = version.code
    plain = {name: _plain_functions(tree) for name, tree in version.trees.items()}
    waiting: list[Global] = []
    for module in program.modules.values():
        waiting += [(module.shape.name, name) for name in module.loose_names]
    for record in records:
        code = program.modules[record.module]
        function = code.function(record.function)
        assert function is not None
        waiting += [(record.module, name) for name in code.rest_names(function, record.entry)]
    seen: set[Global] = set()
    while waiting:
        place = waiting.pop()
        if place in seen:
            continue
        seen.add(place)
        yield place
        name, code = place[1], program.modules[place[0]]
        functions = [each for each in code.shape.functions if each.qualname == name]
        if surely:
            functions = functions if len(functions) == 1 and name in plain[place[0]] else []
        waiting += [(place[0], each) for function in functions for each in function.outside]
        if not surely:
            waiting += _imported(program, code, name)


def _imported(program: ProgramCode, code: ModuleCode, name: str) -> Iterator[Global]:
    """Yields what an imported name may lead to: a global of another module, or all of a module of the program."""
    source = code.shape.sources.get(name)
    if source is None:
        return
    module, _, there = source.rpartition(".")
    package = code.shape.name if code.shape.name in program.packages else code.shape.name.rpartition(".")[0]
    for candidate, other in program.modules.items():
        if candidate in (source, f"{package}.{source}".lstrip(".")) or candidate.endswith(f".{source.lstrip('.')}"):
            yield from ((candidate, each) for each in other.shape.bound)
        elif candidate in (module, f"{package}.{module}".lstrip(".")) and there:
            yield candidate, there


def _plain_functions(tree: ast.Module) -> frozenset[str]:
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef) and not node.decorator_list)


def _stays(code: ModuleCode, tree: ast.Module, name: str) -> bool:
    """Tells whether a global surely has what import makes of it: bound once, to what cannot change inside."""
    if name not in code.shape.constants:
        return False
    for node in tree.body:
        match node:
            case ast.FunctionDef() | ast.ClassDef() | ast.AsyncFunctionDef() if node.name == name:
                return True
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                if any((alias.asname or alias.name.partition(".")[0]) == name for alias in names):
                    return True
            case ast.Assign(targets=[ast.Name(id=bound)], value=value) if bound == name:
                return _is_constant(value)
            case ast.AnnAssign(target=ast.Name(id=bound), value=ast.expr() as value) if bound == name:
                return _is_constant(value)
    return False


def _is_constant(node: ast.expr) -> bool:
    match node:
        case ast.Constant():
            return True
        case ast.Tuple(elts=items):
            return all(_is_constant(each) for each in items)
        case ast.UnaryOp(operand=operand):
            return _is_constant(operand)
        case ast.BinOp(left=left, right=right):
            return _is_constant(left) and _is_constant(right)
    return False


def kinds_of(tree: ast.Module) -> Mapping[str, str]:
    """Returns what a module defines at its own level by name: ``"function"``, ``"class"``, or ``"value"``."""
    found: dict[str, str] = {}
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found[name] = "function"
            case ast.ClassDef(name=name):
                found[name] = "class"
            case ast.Assign(targets=targets):
                found |= {target.id: "value" for target in targets if isinstance(target, ast.Name)}
    return found
