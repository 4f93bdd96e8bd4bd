"""What a function is: its name, parameters and settings; and the arguments that somebody gives it, checked."""

from __future__ import annotations

import ast
import difflib
import math
import types
from collections.abc import Mapping
from typing import Any, Final, Literal, Optional, Union

import msgspec

from devices.errors import UsageError, printable
from devices.runtime.settings import Settings

_PLAIN_TYPES: Final[dict[str, Any]] = {
    "str": str, "int": int, "float": float, "bool": bool, "list": list, "dict": dict, "None": None, "Any": Any,
}  # fmt: skip
_EXAMPLES: Final = {"int": "20", "float": "1.5", "bool": "true", "list": '["a", "b"]', "dict": '{"a": 1}'}


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter; ``type`` and ``default`` as written in the file, empty where there is none."""

    name: str
    type: str
    required: bool
    default: str = ""


class FunctionDeclaration(msgspec.Struct, frozen=True, kw_only=True):
    """One `@function` of a file."""

    name: str
    docstring: str
    parameters: list[Parameter]
    settings: Settings
    file: str
    line: int

    @property
    def place(self) -> str:
        """``file:line`` of its ``def``."""
        return f"{self.file}:{self.line}"

    @property
    def message(self) -> str:
        """The parameter that takes the message which starts a run; empty if no message does."""
        return self.parameters[0].name if self.settings.on else ""


def check_arguments(declaration: FunctionDeclaration, given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments to call a function with: those given, each as its parameter's type.

    Args:
        declaration: the function.
        given: by name; texts from a command line are read as the type says (lists and dicts as JSON), other values
            come from JSON or TOML and must fit as they are.

    Raises:
        UsageError: an unknown name (the nearest one is named), a missing argument, or one that is not of its type.
    """
    parameters = {it.name: it for it in declaration.parameters if it.name != declaration.message}
    for name in given:
        if name == declaration.message:
            raise UsageError(
                f"{name!r} of {declaration.name} is the message that starts a run", place=declaration.place
            )
        if name not in parameters:
            raise UsageError(
                f"{declaration.name} has no parameter {printable(name, 50)!r}",
                place=declaration.place,
                remedy=_nearest(name, list(parameters)),
            )
    for parameter in parameters.values():
        if parameter.required and parameter.name not in given:
            raise UsageError(
                f"{declaration.name} needs a value for {parameter.name!r}",
                place=declaration.place,
                remedy=f"give one with --arg {parameter.name}=...",
            )
    return {name: _converted(value, parameters[name], declaration.place) for name, value in given.items()}


def _nearest(name: str, names: list[str]) -> str:
    if not names:
        return "it has no parameters"
    near = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"it has: {', '.join(names)}"


def _converted(value: Any, parameter: Parameter, place: str) -> Any:
    kind = type_of(parameter.type)
    try:
        converted = _from_text(value, kind) if isinstance(value, str) else msgspec.convert(value, kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        example = _EXAMPLES.get(parameter.type.partition("[")[0])
        raise UsageError(
            f"{parameter.name}={printable(str(value), 60)} is no {parameter.type}",
            place=place,
            remedy=f"write it like --arg {parameter.name}={example}" if example else None,
        ) from error
    if isinstance(converted, float) and not math.isfinite(converted):
        raise UsageError(f"{parameter.name}={value} is no finite number", place=place)
    return converted


def _from_text(text: str, kind: Any) -> Any:
    """A command line's text as a type: as it is where texts are allowed, JSON where structures are, else by value."""
    try:
        return msgspec.convert(text, kind)
    except msgspec.ValidationError:
        if text.lstrip()[:1] in ("[", "{"):
            return msgspec.json.decode(text, type=kind)
        return msgspec.convert(text.strip(), kind, strict=False)


def type_of(annotation: str) -> Any:
    """Returns the type that an annotation's text means; `Any` where it is no plain one. Nothing is run.

    Args:
        annotation: ``int``, ``list[str]``, ``float | None``, ``Optional[str]``, ``Literal["a", "b"]``, or anything.
    """
    try:
        return _type(ast.parse(annotation, mode="eval").body) if annotation else Any
    except (SyntaxError, ValueError, TypeError, KeyError, RecursionError):
        return Any


def _type(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=None):
            return None
        case ast.Name(id=name):
            return _PLAIN_TYPES[name]
        case ast.Attribute(value=ast.Name(id="typing"), attr=name):
            return _PLAIN_TYPES[name]
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return Union[_type(left), _type(right)]  # noqa: UP007 -- built from values, `None` among them
        case ast.Subscript(value=ast.Name(id="Optional"), slice=inner):
            return Optional[_type(inner)]  # noqa: UP045 -- the same
        case ast.Subscript(value=ast.Name(id="Literal"), slice=inner):
            choices = ast.literal_eval(inner)
            return Literal[choices]
        case ast.Subscript(value=ast.Name(id="list"), slice=inner):
            return types.GenericAlias(list, (_type(inner),))
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[key, value])):
            return types.GenericAlias(dict, (_type(key), _type(value)))
    raise ValueError(ast.unparse(node))
