"""What a call would call, found without running anything.

A frame does not show whether C code stands between it and the frame above: with ``functools.reduce(f, xs)`` or
``xs.sort(key=f)`` the function ``f`` lies right above the caller. To take the caller to be "in the call of f" would give
it f's result for the sort's: silently wrong. So the callee of the site is evaluated here, by names, instance
dictionaries and classes alone, and its code object must be that of the frame above.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from types import (
    BuiltinMethodType,
    FunctionType,
    GeneratorType,
    MemberDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any, Final

from devices.runtime.python.operations import MISSING, in_classes

_TOO_DEEP: Final = 50  # wrappers around wrappers; a guard against a cycle


@dataclass(frozen=True)
class Callee:
    """``function`` is what would run in a frame of its own; ``makes``: it is the ``__init__`` of a class called."""

    function: FunctionType
    makes: bool


def evaluate(node: ast.expr, variables: Mapping[str, Any], namespace: Mapping[str, Any]) -> Any:
    """Returns the value of a path of names and attributes, or `MISSING`."""
    match node:
        case ast.Name(id=name):
            if name in variables:
                return variables[name]
            if name in namespace:
                return namespace[name]
            return namespace["__builtins__"].get(name, MISSING)
        case ast.Attribute(value=ast.Call(func=ast.Name(id="super"), args=[cls, instance]), attr=attr):
            return _after(evaluate(cls, variables, namespace), evaluate(instance, variables, namespace), attr)
        case ast.Call(func=ast.Name(id="super"), args=[cls, instance]):
            owner, holder = evaluate(cls, variables, namespace), evaluate(instance, variables, namespace)
            return super(owner, holder) if isinstance(owner, type) and isinstance(holder, owner) else MISSING
        case ast.Attribute(value=value, attr=attr):
            owner = evaluate(value, variables, namespace)
            return MISSING if owner is MISSING else attribute(owner, attr)
    return MISSING


def attribute(owner: Any, name: str) -> Any:
    """Returns an attribute, or `MISSING` if code would have to run to get it."""
    kind = type(owner)
    if kind is ModuleType:
        return vars(owner).get(name, MISSING)
    if kind is super:
        return _after(owner.__thisclass__, owner.__self__, name)
    if isinstance(owner, type):
        found = in_classes(owner.__mro__, name)
        if found is not MISSING:
            return _bound(found, None, owner)
        return _bound(in_classes(kind.__mro__, name), owner, kind)
    getter = in_classes(kind.__mro__, "__getattribute__")
    if getter is not object.__getattribute__ and not isinstance(getter, WrapperDescriptorType):
        return MISSING
    found = in_classes(kind.__mro__, name)
    if isinstance(found, MemberDescriptorType):
        try:
            return found.__get__(owner, kind)
        except AttributeError:
            return MISSING
    if found is not MISSING and hasattr(type(found), "__set__"):
        return MISSING
    try:
        own = object.__getattribute__(owner, "__dict__")
    except AttributeError:
        own = None
    if type(own) is dict and name in own:
        return own[name]
    return _bound(found, owner, kind)


def _after(cls: Any, instance: Any, name: str) -> Any:
    """Returns what ``super(cls, instance)`` gives."""
    if not isinstance(cls, type):
        return MISSING
    kind = instance if isinstance(instance, type) and issubclass(instance, cls) else type(instance)
    order = kind.__mro__
    if cls not in order:
        return MISSING
    found = in_classes(order[order.index(cls) + 1 :], name)
    return _bound(found, None if kind is instance else instance, kind)


def _bound(found: Any, instance: Any, cls: type) -> Any:
    match found:
        case staticmethod():
            return found.__func__
        case classmethod():
            return MethodType(found.__func__, cls)
        case FunctionType():
            return found if instance is None else MethodType(found, instance)
        case property():
            return MISSING
    if instance is not None and isinstance(found, type(str.join)):
        return found.__get__(instance, cls)  # a method written in C
    if found is MISSING or (hasattr(type(found), "__get__") and not isinstance(found, WrapperDescriptorType)):
        return MISSING
    return found


def called(value: Any) -> Callee | None:
    """Returns the function of the program that a call of this value runs in the frame right above, if it is one."""
    for _ in range(_TOO_DEEP):
        match value:
            case FunctionType():
                return Callee(value, makes=False)
            case MethodType():
                value = value.__func__
            case staticmethod() | classmethod():
                value = value.__func__
            case functools.partial():
                value = value.func
            case type():
                return _maker(value)
            case _:
                method = in_classes(type.mro(type(value)), "__call__")
                return Callee(method, makes=False) if isinstance(method, FunctionType) else None
    return None


def _maker(cls: type) -> Callee | None:
    call = in_classes(type.mro(type(cls)), "__call__")
    if call is not type.__dict__["__call__"]:
        return None
    new = in_classes(cls.__mro__, "__new__")
    init = in_classes(cls.__mro__, "__init__")
    if isinstance(new, staticmethod) or not isinstance(init, FunctionType):
        return None
    return Callee(init, makes=True)


def resumed_generator(call: ast.Call, variables: Mapping[str, Any], namespace: Mapping[str, Any]) -> Any:
    """Returns the generator that ``next(g)``, ``g.send(x)`` or ``g.__next__()`` runs, or ``None``."""
    match call:
        case ast.Call(func=ast.Name(id="next"), args=[first, *_]):
            if evaluate(call.func, variables, namespace) is not next:
                return None
            found = evaluate(first, variables, namespace)
        case ast.Call(func=func):
            method = evaluate(func, variables, namespace)
            if not isinstance(method, BuiltinMethodType | MethodWrapperType):
                return None
            if method.__name__ not in ("send", "__next__"):
                return None
            found = method.__self__
    return found if isinstance(found, GeneratorType) else None
