"""`@function`, and reading what it says without running anything.

The coordinator, the command line and `check` must know a function's name, parameters and settings, but must not run a
user's code to learn them: `read_functions` looks at the syntax tree and takes literals alone. The decorator itself
therefore does nothing: it returns the function as it is.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar, overload

from devices.errors import SourceError
from devices.protocol.waits import CatchUp
from devices.runtime.declaration import FunctionDeclaration, Parameter, check_arguments
from devices.runtime.settings import Durability, Settings, read_settings
from devices.runtime.source import Source
from devices.runtime.triggers import Mode

__all__ = ["FunctionDeclaration", "Parameter", "check_arguments", "choose", "function", "read_functions"]

F = TypeVar("F", bound=Callable[..., Any])
_FRONT_DOOR: Final = "midstream"
_FIRST: Final = f"a first one: from {_FRONT_DOOR} import function, ctx, and @function before a top-level 'def'"


@overload
def function(body: F, /) -> F: ...
@overload
def function(
    *,
    checkpoint: str | float = "30s",
    durability: Durability = "coordinator",
    failover: str = "wait 2m",
    catch_up: CatchUp = "run",
    needs: Mapping[str, Any] | None = None,
    priority: int = 0,
    labels: str | Sequence[str] = (),
    on: str | Sequence[str] = (),
    every: str | float = 0.0,
    at: str | Sequence[str] = (),
    cron: str = "",
    mode: Mode = "queued",
    limit: int = 10,
) -> Callable[[F], F]: ...
def function(body: F | None = None, /, **_settings: Any) -> F | Callable[[F], F]:
    """Marks a function that Midstream can run, stop at any statement, move and go on with.

    Write it bare (``@function``) or with settings, which are literals: they are read from the file, nothing is run to
    learn them. The function's parameters are the settings that whoever starts it may give (``--arg plug=dryer``).

    Args:
        body: the function.
        checkpoint: how much work may be lost at most when a hub dies without a word: a duration, as in ``"30s"``; a
            number of messages, as in ``"20 messages"``; or both, ``"30s or 20 messages"``, whichever is first.
        durability: where a checkpoint must be before the inputs it covers are acknowledged and its outputs leave:
            ``"coordinator"``; or ``"spool"``, this hub's own disk: quicker, but it dies with the hub, so that
            failover must be ``"never"``.
        failover: what happens when its hub is silent: ``"wait 2m"``, ``"auto"`` (at once) or ``"never"``.
        catch_up: what happens to a sleep, or a wait with ``until=``, that ended while the function was not running:
            ``"run"``: it ends at once; ``"skip"``: what is overdue by more than a minute waits for its next turn, the next
            time of day or the next multiple of the duration; ``"continue"``: the time that was left goes on from the start.
        needs: what a hub must have: ``{"labels": ["big"], "packages": ["pillow>=10"], "memory": "300MB", "cpu": 0.5,
            "device": "/dev/ttyUSB0", "data": ["photos"]}``; cpu is a number of cores, a device is a path or a name that
            a hub's settings give one, and data are named there too.
        priority: who goes first when a hub must let go of something: the lowest, from -100 to 100.
        labels: what it is, by which rules choose: ``"batch"``, for ``which = "label:batch"``.
        on: a topic filter, or several: each message starts a run of its own, and is its first argument. Between two
            messages nothing runs. A retained message starts none.
        every: starts a run in this rhythm: ``"15m"``.
        at: starts a run at this time of day in the site's zone, or at several: ``"07:00"``.
        cron: starts runs as crontab(5) has it: ``"*/5 * * * *"``.
        mode: what becomes of a start while a run is under way: ``"queued"``: it waits for its turn; ``"parallel"``: it
            runs beside it, ``limit`` at a time; ``"single"``: it is left out; ``"restart"``: it takes its place.
        limit: how many run at a time with ``"parallel"`` (10); how many run and wait with ``"queued"`` (else as many
            as there is room for).
    """
    if body is not None:
        return body
    return lambda marked: marked


def read_functions(source: Source, defaults: Settings | None = None) -> list[FunctionDeclaration]:
    """Returns the functions that a source's main file marks with ``@function``, in the order of the file.

    Args:
        source: the code that travels; its first file is the main one.
        defaults: for what a function does not say about itself.

    Raises:
        SourceError: a syntax error; or a marked function that cannot be one, with file and line.
    """
    file = source.main_file
    text = source.files[file]
    tree = _parse(text, file)
    names = _names_of_function(tree)
    found: dict[str, FunctionDeclaration] = {}
    for node in tree.body:
        for decorator in getattr(node, "decorator_list", []):
            if ast.unparse(decorator.func if isinstance(decorator, ast.Call) else decorator) in names:
                declaration = _declaration(node, decorator, file, defaults)
                if declaration.name in found:
                    first = found[declaration.name].line
                    raise SourceError(
                        f"{declaration.name!r} is there twice, in line {first} too", place=declaration.place
                    )
                found[declaration.name] = declaration
    return list(found.values())


def choose(
    declarations: Sequence[FunctionDeclaration], name: str | None, file: str = "the file"
) -> FunctionDeclaration:
    """Returns the function of that name; without a name the only one.

    Args:
        declarations: what `read_functions` returned.
        name: as in ``washer.py:washer``; ``None``: none was given.
        file: how the person called the file, for the error.

    Raises:
        SourceError: there is none, none of that name, or the choice is not clear.
    """
    names = ", ".join(declaration.name for declaration in declarations)
    if not declarations:
        raise SourceError("there is no @function in it", place=file, remedy=f"write {_FIRST}")
    if name is None:
        if len(declarations) > 1:
            raise SourceError(
                f"there are several functions: {names}",
                place=file,
                remedy=f"name one, as in {file}:{names.split(',')[0]}",
            )
        return declarations[0]
    for declaration in declarations:
        if declaration.name == name:
            return declaration
    raise SourceError(f"there is no @function {name!r} in it", place=file, remedy=f"there are: {names}")


def _names_of_function(tree: ast.Module) -> set[str]:
    """By which names a file calls ``midstream.function``."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == _FRONT_DOOR and not node.level:
            names.update(alias.asname or alias.name for alias in node.names if alias.name == "function")
        elif isinstance(node, ast.Import):
            names.update(f"{alias.asname or alias.name}.function" for alias in node.names if alias.name == _FRONT_DOOR)
    return names


def _parse(text: str, file: str) -> ast.Module:
    try:
        return ast.parse(text, file)
    except SyntaxError as error:
        line = f"\n    {error.text.strip()}" if error.text else ""
        raise SourceError(f"{error.msg}{line}", place=f"{file}:{error.lineno}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise SourceError(f"this is no Python source: {error}", place=file) from error


def _declaration(node: ast.stmt, decorator: ast.expr, file: str, defaults: Settings | None) -> FunctionDeclaration:
    place = f"{file}:{node.lineno}"
    if isinstance(node, ast.AsyncFunctionDef):
        raise SourceError(
            f"{node.name!r} is an 'async def'",
            place=place,
            remedy="write a plain 'def': ctx.next() and ctx.sleep() wait",
        )
    if not isinstance(node, ast.FunctionDef):
        raise SourceError("@function stands before a class", place=place, remedy="mark a 'def' with it")
    if any(isinstance(inner, ast.Yield | ast.YieldFrom) for inner in _own_nodes(node)):
        raise SourceError(
            f"{node.name!r} is a generator: it has a 'yield'",
            place=place,
            remedy="use ctx.publish() to give something away",
        )
    if len(node.decorator_list) > 1:
        raise SourceError(
            f"{node.name!r} has another decorator beside @function",
            place=place,
            remedy="decorate a helper that it calls instead",
        )
    settings = _settings(decorator, file, defaults)
    if settings.on and not node.args.args:
        raise SourceError(
            f"{node.name!r} has no parameter: with on= the first one is the message",
            place=place,
            remedy=f"write it as in 'def {node.name}(message):'",
        )
    return FunctionDeclaration(
        name=node.name,
        docstring=inspect.cleandoc(ast.get_docstring(node) or ""),
        parameters=_parameters(node, file),
        settings=settings,
        file=file,
        line=node.lineno,
    )


def _own_nodes(function_node: ast.FunctionDef) -> list[ast.AST]:
    """The nodes of a function's body without those of the functions and classes inside it."""
    own: list[ast.AST] = []
    waiting: list[ast.AST] = list(function_node.body)
    while waiting:
        node = waiting.pop()
        own.append(node)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting.extend(ast.iter_child_nodes(node))
    return own


def _settings(decorator: ast.expr, file: str, defaults: Settings | None) -> Settings:
    place = f"{file}:{decorator.lineno}"
    if not isinstance(decorator, ast.Call):
        return defaults or Settings()
    if decorator.args:
        raise SourceError(
            "@function takes settings by name only", place=place, remedy='as in @function(checkpoint="30s")'
        )
    given: dict[str, Any] = {}
    for keyword in decorator.keywords:
        if keyword.arg is None:
            raise SourceError("@function(**...) cannot be read without running the file", place=place)
        try:
            given[keyword.arg] = ast.literal_eval(keyword.value)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
            raise SourceError(
                f"{keyword.arg}={ast.unparse(keyword.value)} is no literal: settings are read without running the file",
                place=f"{file}:{keyword.value.lineno}",
                remedy="write the value itself",
            ) from error
    return read_settings(given, place, defaults)


def _parameters(node: ast.FunctionDef, file: str) -> list[Parameter]:
    arguments = node.args
    place = f"{file}:{node.lineno}"
    for star in (arguments.vararg, arguments.kwarg):
        if star is not None:
            raise SourceError(
                f"{node.name!r} takes any number of arguments ({star.arg!r})",
                place=place,
                remedy="name each parameter: they are the function's settings",
            )
    if arguments.posonlyargs:
        raise SourceError(f"{node.name!r} has positional-only parameters", place=place, remedy="leave out the '/'")
    plain: list[ast.expr | None] = [None] * (len(arguments.args) - len(arguments.defaults)) + list(arguments.defaults)
    pairs = [*zip(arguments.args, plain, strict=True), *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    return [_parameter(argument, default) for argument, default in pairs]


def _parameter(argument: ast.arg, default: ast.expr | None) -> Parameter:
    match argument.annotation:
        case None:
            kind = _type_of_default(default)
        case ast.Constant(value=str(quoted)):
            kind = quoted
        case annotation:
            kind = ast.unparse(annotation)
    text = "" if default is None else ast.unparse(default)
    return Parameter(name=argument.arg, type=kind, required=default is None, default=text)


def _type_of_default(default: ast.expr | None) -> str:
    """``limit=6`` says that limit is an int; ``None`` says nothing."""
    try:
        value = None if default is None else ast.literal_eval(default)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return ""
    return type(value).__name__ if isinstance(value, bool | int | float | str | list | dict) else ""
