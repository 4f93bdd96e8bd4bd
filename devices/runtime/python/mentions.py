"""Which names a piece of code mentions: what the rest of a function needs, and nothing else travels."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import NamedTuple

from devices.runtime.python import form


class Mentions(NamedTuple):
    """Names that are read (or deleted), and names that are bound."""

    read: frozenset[str]
    bound: frozenset[str]


NOTHING = Mentions(frozenset(), frozenset())


def mentions(nodes: Iterable[ast.AST]) -> Mentions:
    """Returns the names of emitted code; of a function inside, the variables it shares with what is around it."""
    read: set[str] = set()
    bound: set[str] = set()
    stack = list(nodes)
    while stack:
        node = stack.pop()
        match node:
            case ast.Name(id=name, ctx=context):
                (bound if isinstance(context, ast.Store) else read).add(name)
            case ast.FunctionDef(name=name):
                bound.add(name)
                _function(node, read, stack)
                stack.extend(node.decorator_list)
                if node.returns is not None:
                    stack.append(node.returns)
            case ast.AsyncFunctionDef(name=name):
                bound.add(name)
                stack.extend(ast.iter_child_nodes(node))
            case ast.Lambda():
                _function(node, read, stack)
                if not isinstance(form.noted(node, "function"), form.Function):
                    stack.append(node.body)
            case ast.AugAssign(target=ast.Name(id=name)):
                read.add(name)
                stack.extend((node.target, node.value))
            case ast.ClassDef(name=name) | ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                bound.add(name)
                stack.extend(ast.iter_child_nodes(node))
            case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                bound.add(name)
                stack.extend(ast.iter_child_nodes(node))
            case ast.alias(name=name, asname=asname):
                bound.add(asname or name.partition(".")[0])
            case ast.AnnAssign():
                stack.append(node.target)
                if node.value is not None:
                    stack.append(node.value)
            case _:
                stack.extend(ast.iter_child_nodes(node))
    return Mentions(frozenset(read), frozenset(bound))


def _function(node: ast.FunctionDef | ast.Lambda, read: set[str], stack: list[ast.AST]) -> None:
    function = form.noted(node, "function")
    if isinstance(function, form.Function):
        read |= function.free
        read |= function.outside
    stack.extend(default for default in (*node.args.defaults, *node.args.kw_defaults) if default is not None)
