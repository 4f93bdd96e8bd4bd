"""Operations that call special methods of the program's own classes: ``a + b``, ``v[i]``, ``len(v)``, ``v.area``.

Between the statement and the method stands C code, so that such an operation is a site only where the program defines
a method that it may call (`Facts.special`): other programs pay nothing. What C does around the method is known and
short: it looks the method up in the class, and makes something of the result. So the frame below is "in the operation"
if that look-up, done here without running anything, gives the function of the frame above (`attempt`); and when the
method has gone to its end at the destination, what is left of the operation is done by `finished`: the reflected method
after ``NotImplemented``, the truth of what ``__contains__`` returned.

Where C might call the same method for other objects on its way (an array of objects, say), the method's arguments must
be the operands themselves; where that cannot be told, the stop is passed by.
"""

from __future__ import annotations

import ast
import builtins
import operator
from collections.abc import Callable, Sequence
from types import CodeType
from typing import Any, Final, NamedTuple

from devices.runtime.python.form import noted

MISSING: Final = object()

_ARITHMETIC: Final[dict[type[ast.operator], str]] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.MatMult: "matmul", ast.Div: "truediv",
    ast.FloorDiv: "floordiv", ast.Mod: "mod", ast.Pow: "pow", ast.LShift: "lshift", ast.RShift: "rshift",
    ast.BitAnd: "and", ast.BitOr: "or", ast.BitXor: "xor",
}  # fmt: skip
_SIGNS: Final = {
    "add": "+", "sub": "-", "mul": "*", "matmul": "@", "truediv": "/", "floordiv": "//", "mod": "%",
    "pow": "** or pow()", "lshift": "<<", "rshift": ">>", "and": "&", "or": "|", "xor": "^",
}  # fmt: skip
_COMPARISONS: Final[dict[type[ast.cmpop], str]] = {
    ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Eq: "eq", ast.NotEq: "ne",
}  # fmt: skip
_REFLECTED: Final = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le", "eq": "eq", "ne": "ne"}
_COMPARISON_SIGNS: Final = {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_UNARY: Final[dict[type[ast.unaryop], str]] = {ast.USub: "neg", ast.UAdd: "pos", ast.Invert: "invert"}

IN_PLACE: Final = {kind: f".i{name}" for kind, name in _ARITHMETIC.items()}
"""The hidden built-in that an augmented assignment becomes, by its operator."""
TRUTH, SET_ITEM, DELETE_ITEM, SET_ATTRIBUTE, DELETE_ATTRIBUTE = ".truth", ".setitem", ".delitem", ".setattr", ".delattr"

_SPECIAL: Final[dict[str, tuple[str, ...]]] = {
    **{f".i{name}": (f"__i{name}__", f"__{name}__", f"__r{name}__") for name in _ARITHMETIC.values()},
    TRUTH: ("__bool__", "__len__"),
    SET_ITEM: ("__setitem__",),
    DELETE_ITEM: ("__delitem__",),
    ".iter": ("__iter__",),
    "bool": ("__bool__", "__len__"),
    "len": ("__len__",),
    "str": ("__str__", "__repr__"),
    "repr": ("__repr__",),
    "hash": ("__hash__",),
    "abs": ("__abs__",),
    "iter": ("__iter__",),
    "reversed": ("__reversed__",),
}
"""Calls that are operations, with the methods that they may call."""
HIDDEN: Final[dict[str, Any]] = {
    **{f".i{name}": getattr(operator, f"i{name}") for name in _ARITHMETIC.values()},
    TRUTH: bool,
    SET_ITEM: operator.setitem,
    DELETE_ITEM: operator.delitem,
    SET_ATTRIBUTE: setattr,
    DELETE_ATTRIBUTE: delattr,
}
_SEQUENCES: Final = (list, tuple, str, bytes, bytearray)
_NEVER_CALL: Final = (int, float, complex, bool, str, bytes, type(None), type(Ellipsis))
"""Types whose own operations never call a method of another object but hand the operation on to it."""


class Attempt(NamedTuple):
    """One method that an operation may call: the class's attribute, its owner, and its further arguments."""

    method: Any
    owner: Any
    arguments: tuple[Any, ...]
    negated: bool = False  # object.__ne__, which asks __eq__


def methods_of(node: ast.AST) -> tuple[str, ...]:
    """Returns the special methods that an operation may call; empty if the node is none (attributes are apart)."""
    match node:
        case ast.BinOp(op=op):
            name = _ARITHMETIC[type(op)]
            return f"__{name}__", f"__r{name}__"
        case ast.UnaryOp(op=op) if type(op) in _UNARY:
            return (f"__{_UNARY[type(op)]}__",)
        case ast.Compare(ops=[ast.In() | ast.NotIn()]):
            return ("__contains__",)
        case ast.Compare(ops=[op]) if type(op) in _COMPARISONS:
            name = _COMPARISONS[type(op)]
            extra = ("__eq__",) if name == "ne" else ()
            return f"__{name}__", f"__{_REFLECTED[name]}__", *extra
        case ast.Subscript(ctx=ast.Load()):
            return ("__getitem__",)
        case ast.Call(func=ast.Name(id=name)):
            return _SPECIAL.get(name, ())
    return ()


def in_place_methods(op: ast.operator) -> tuple[str, ...]:
    """Returns the special methods that an augmented assignment may call."""
    return _SPECIAL[IN_PLACE[type(op)]]


def name_of(node: ast.AST) -> tuple[str, list[ast.expr]] | None:
    """Returns the name by which `attempts` and `finished` know an operation, and its operands; ``None``: no operation."""
    match node:
        case ast.BinOp(left=left, op=op, right=right):
            return _ARITHMETIC[type(op)], [left, right]
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
            return _UNARY[type(op)], [operand]
        case ast.Compare(left=left, ops=[ast.In()], comparators=[right]):
            return "contains", [right, left]
        case ast.Compare(left=left, ops=[ast.NotIn()], comparators=[right]):
            return "contains not", [right, left]
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
            return _COMPARISONS[type(op)], [left, right]
        case ast.Subscript(value=value, ctx=ast.Load()):
            return "getitem", [value]
        case ast.Attribute(value=value, attr=attr, ctx=ast.Load()):
            return "get", [value, ast.Constant(attr)]
        case ast.Call(func=ast.Name(id=name), args=arguments) if name in _SPECIAL or name in HIDDEN:
            return name, arguments
    return None


# -- what an operation calls ------------------------------------------------------------------------------------------


def attempts(name: str, operands: Sequence[Any]) -> list[Attempt]:
    """Returns the methods that an operation may call, in order; those written in C too."""
    match name, operands:
        case (("lt" | "le" | "gt" | "ge" | "eq" | "ne"), [left, right]):
            return _comparison(name, left, right)
        case ("get", [owner, str(attribute)]):
            return _getting(owner, attribute)
        case (".setattr", [owner, str(attribute), value]):
            return _setting(owner, attribute, "__set__", "__setattr__", (value,))
        case (".delattr", [owner, str(attribute)]):
            return _setting(owner, attribute, "__delete__", "__delattr__", ())
        case (("contains" | "contains not"), [container, item]):
            return _first(container, ("__contains__",), item)
        case "getitem", [container]:
            return _first(container, ("__getitem__",))
        case ((".setitem" | ".delitem"), [container, *rest]):
            return _first(container, (f"__{name[1:]}__",), *rest)
        case ((".truth" | "bool"), [value]):
            return _first(value, ("__bool__", "__len__"))
        case "str", [value]:
            return _text(value)
        case ((".iter" | "iter"), [value]):
            return _first(value, ("__iter__",))
        case (("len" | "repr" | "hash" | "abs" | "reversed" | "neg" | "pos" | "invert"), [value]):
            return _first(value, (f"__{name}__",))
        case str(), [left, right] if name.startswith(".i") and name[2:] in _SIGNS:
            return [*_first(left, (f"__{name[1:]}__",), right), *_binary(name[2:], left, right)]
        case str(), [left, right] if name in _SIGNS:
            return _binary(name, left, right)
    return []


def in_classes(classes: Sequence[type], name: str) -> Any:
    """Returns what the first of some classes that has a name has under it, or `MISSING`."""
    for cls in classes:
        if name in cls.__dict__:
            return cls.__dict__[name]
    return MISSING


def in_class(kind: type, name: str) -> Any:
    """Returns what a class, or one that it inherits from, has under a name, or `MISSING`."""
    return in_classes(type.mro(kind), name)


def _first(owner: Any, names: Sequence[str], *arguments: Any) -> list[Attempt]:
    for name in names:
        method = in_class(type(owner), name)
        if method is not MISSING:
            return [Attempt(method, owner, arguments)]
    return []


def _text(value: Any) -> list[Attempt]:
    method = in_class(type(value), "__str__")
    if method is object.__str__:
        method = in_class(type(value), "__repr__")
    return [Attempt(method, value, ())]


def _binary(name: str, left: Any, right: Any) -> list[Attempt]:
    """In the order of CPython's `binary_op1` and `slot_nb_add` and its like."""
    own = Attempt(in_class(type(left), f"__{name}__"), left, (right,))
    reflected = Attempt(in_class(type(right), f"__r{name}__"), right, (left,))
    found = [each for each in (own, reflected) if each.method is not MISSING]
    if type(left) is type(right):
        return found[:1] if own.method is not MISSING else []
    overrides = in_class(type(left), f"__r{name}__") is not reflected.method
    if issubclass(type(right), type(left)) and overrides and len(found) == 2:
        return [reflected, own]
    return found


def _comparison(name: str, left: Any, right: Any) -> list[Attempt]:
    """In the order of CPython's `do_richcompare`."""
    own = _compared(name, left, right)
    reflected = _compared(_REFLECTED[name], right, left)
    if type(left) is not type(right) and issubclass(type(right), type(left)):
        return [reflected, own]
    return [own, reflected]


def _compared(name: str, owner: Any, other: Any) -> Attempt:
    method = in_class(type(owner), f"__{name}__")
    if name == "ne" and method is object.__ne__:
        return Attempt(in_class(type(owner), "__eq__"), owner, (other,), negated=True)
    return Attempt(method, owner, (other,))


def _getting(owner: Any, attribute: str) -> list[Attempt]:
    kind = type(owner)
    if kind is super:
        order = type.mro(type(owner.__self__))
        after = order[order.index(owner.__thisclass__) + 1 :] if owner.__thisclass__ in order else []
        found = in_classes(after, attribute)
        return [Attempt(found.fget, owner.__self__, ())] if isinstance(found, property) else []
    if isinstance(owner, type) or in_class(kind, "__getattribute__") is not object.__getattribute__:
        return []
    if in_class(kind, "__getattr__") is not MISSING:
        return []  # it would be asked if the method raises AttributeError: that is not known here
    found = in_class(kind, attribute)
    if isinstance(found, property):
        return [Attempt(found.fget, owner, ())]
    getter = MISSING if found is MISSING else in_class(type(found), "__get__")
    return [] if getter is MISSING else [Attempt(getter, found, (owner, kind))]


def _setting(owner: Any, attribute: str, action: str, whole: str, arguments: tuple[Any, ...]) -> list[Attempt]:
    kind = type(owner)
    if isinstance(owner, type):
        return []
    method = in_class(kind, whole)
    if method is not getattr(object, whole):
        return [Attempt(method, owner, (attribute, *arguments))]
    found = in_class(kind, attribute)
    if isinstance(found, property):
        return [Attempt(found.fset if action == "__set__" else found.fdel, owner, arguments)]
    setter = MISSING if found is MISSING else in_class(type(found), action)
    return [] if setter is MISSING else [Attempt(setter, found, (owner, *arguments))]


def is_sure(tried: Sequence[Attempt]) -> bool:
    """Tells whether nothing that came before could have called the method for other objects than the operands."""
    return all(isinstance(each.owner, _NEVER_CALL) or not _written_in_c(each.method) for each in tried)


def _written_in_c(method: Any) -> bool:
    return not hasattr(method, "__code__")


# -- what is left of it -----------------------------------------------------------------------------------------------


def finished(name: str, result: Any, number: int, *operands: Any) -> Any:
    """Returns what an operation gives, when the method that it had called has returned.

    Args:
        name: of the operation.
        result: what the method returned.
        number: which of the `attempts` it was.
        operands: as in `name_of`.
    """
    if name in ("bool", TRUTH):
        return _truth(result, by_length=in_class(type(operands[0]), "__bool__") is MISSING)
    check = _CHECKS.get(name)
    if check is not None:
        return check(result)
    if name in _PLAIN:
        return result
    tries = attempts(name, operands)
    while True:
        if result is not NotImplemented:
            negated = number < len(tries) and tries[number].negated
            return (not result) if negated else result
        number += 1
        if number >= len(tries):
            return _nothing_fits(name.removeprefix(".i"), name.startswith(".i"), *operands)
        each = tries[number]
        if isinstance(each.method, staticmethod | classmethod) or not hasattr(type(each.method), "__get__"):
            result = each.method(*each.arguments)
        else:
            result = each.method.__get__(each.owner, type(each.owner))(*each.arguments)


def _nothing_fits(name: str, in_place: bool, left: Any, right: Any) -> Any:
    if name == "eq":
        return left is right
    if name == "ne":
        return left is not right
    if name == "add" and isinstance(left, _SEQUENCES):
        return left.__add__(right)  # which says in its own words that it cannot
    kinds = f"'{type(left).__name__}' and '{type(right).__name__}'"
    if name in _COMPARISON_SIGNS:
        raise TypeError(f"'{_COMPARISON_SIGNS[name]}' not supported between instances of {kinds}")
    sign = _SIGNS[name]
    if in_place:
        sign = "**=" if name == "pow" else f"{sign}="
    raise TypeError(f"unsupported operand type(s) for {sign}: {kinds}")


def _length(result: Any) -> int:
    length = operator.index(result)
    if length < 0:
        raise ValueError("__len__() should return >= 0")
    return length


def _truth(result: Any, *, by_length: bool) -> bool:
    if by_length:
        return _length(result) != 0
    if isinstance(result, bool):
        return result
    raise TypeError(f"__bool__ should return bool, returned {type(result).__name__}")


def _string(method: str) -> Callable[[Any], str]:
    def check(result: Any) -> str:
        if not isinstance(result, str):
            raise TypeError(f"{method} returned non-string (type {type(result).__name__})")
        return result

    return check


def _hash(result: Any) -> int:
    if not isinstance(result, int):
        raise TypeError("__hash__ method should return an integer")
    return hash(_Hashed(result))


class _Hashed:
    """Brings a number into the range of hashes, as the interpreter does with what ``__hash__`` returns."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __hash__(self) -> int:
        return self._number


def _iterator(result: Any) -> Any:
    if not hasattr(type(result), "__next__"):
        raise TypeError(f"iter() returned non-iterator of type '{type(result).__name__}'")
    return result


_PLAIN: Final = frozenset({"get", "getitem", "abs", "reversed", "neg", "pos", "invert"})
_CHECKS: Final[dict[str, Callable[[Any], Any]]] = {
    "len": _length,
    "str": _string("__str__"),
    "repr": _string("__repr__"),
    "hash": _hash,
    "iter": _iterator,
    ".iter": _iterator,
    "contains": bool,
    "contains not": operator.not_,
    **dict.fromkeys((SET_ITEM, DELETE_ITEM, SET_ATTRIBUTE, DELETE_ATTRIBUTE), lambda _: None),
}


def _same(wanted: Any, got: Any) -> bool:
    """Tells whether two are one object; equal constants may be two: of the syntax tree and of the compiled code."""
    if wanted is got:
        return True
    return type(wanted) is type(got) and isinstance(got, str | bytes | int | float) and wanted == got


def looks_back(name: str) -> bool:
    """Tells whether what is left of an operation needs its operands."""
    return name not in _PLAIN and name not in _CHECKS


def is_itself(name: str, found: Any) -> bool:
    """Tells whether a call's name means the built-in that the operation is about."""
    return found is HIDDEN.get(name, getattr(builtins, name, MISSING)) or name == ".iter"


def values(operands: Sequence[ast.expr], evaluate: Callable[[ast.expr], Any]) -> list[Any] | None:
    """Returns the values of operands that can be found without running anything; ``None`` if one cannot."""
    found = [each.value if isinstance(each, ast.Constant) else evaluate(each) for each in operands]
    return None if any(value is MISSING for value in found) else found


def is_operation(node: ast.AST) -> bool:
    """Tells whether a site is an operation, no call of the user's."""
    return bool(noted(node, "operation"))


def attempt(name: str, operands: Sequence[Any], code: CodeType, received: Sequence[Any]) -> tuple[int, Any] | None:
    """Returns which of an operation's attempts runs a code object, and its method; ``None`` if none surely does.

    Args:
        name: of the operation.
        operands: their values.
        code: of the frame above.
        received: its first arguments, `MISSING` where they may have been rebound.
    """
    tries = attempts(name, operands)
    fitting: list[tuple[int, Any]] = []
    for number, each in enumerate(tries):
        if getattr(each.method, "__code__", None) is not code:
            continue
        given = [each.owner, *each.arguments]
        pairs = list(zip(given, received, strict=False))
        if all(_same(wanted, got) for wanted, got in pairs if got is not MISSING):
            if len(pairs) == len(given) and all(got is not MISSING for _, got in pairs):
                return number, each.method
            fitting.append((number, each.method))
    return fitting[0] if len(fitting) == 1 and is_sure(tries[: fitting[0][0]]) else None
