"""The function that an exercise begins with, as it is once its file has been imported: it can be run, and stopped."""

from __future__ import annotations

import inspect

from devices.errors import SourceError, UsageError
from devices.runtime.exercising.packets import Load
from devices.runtime.python.program import Program, function_behind

_ASYNCHRONOUS = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR | inspect.CO_ITERABLE_COROUTINE


def check_entry(program: Program, load: Load) -> None:
    """Raises a `UsageError` if a program's function cannot be exercised, or not with these arguments."""
    name, file = load.function, program.source.main_file
    called = program.namespace.get(name)
    if not callable(called) or isinstance(called, type):
        raise SourceError(f"there is no function {name!r} in it", place=file)
    wrapped = f"write a function around it, as in 'def main(): return {name}(...)', and exercise that"
    function = function_behind(called)
    if function is None:
        raise SourceError(f"{name} is no function but a {type(called).__qualname__}", place=file, remedy=wrapped)
    code = function.__code__
    if code.co_filename not in program.source.files:
        raise SourceError(f"{name} comes from the module {function.__module__}", place=file, remedy=wrapped)
    place = f"{code.co_filename}:{code.co_firstlineno}"
    if code.co_flags & _ASYNCHRONOUS:
        raise asynchronous(name, place)
    if code.co_flags & inspect.CO_GENERATOR:
        raise SourceError(
            f"{name}() is a generator function: to call it runs nothing of it",
            place=place,
            remedy=f"write a function that goes through it, as in 'def main(): return list({name}(...))', and exercise that",
        )
    try:
        inspect.signature(called).bind(*load.arguments(), **load.kwargs)
    except TypeError as error:
        raise UsageError(
            f"{name}{inspect.signature(called)}: {error}",
            place=file,
            remedy="""give its arguments as JSON: --args '[20, "hall"]' or --args '{"room": "hall"}'""",
        ) from None


def asynchronous(name: str, place: str) -> SourceError:
    """Returns the error that an ``async def`` is answered with."""
    return SourceError(
        f"{name}() is an 'async def', which cannot be stopped and moved",
        place=place,
        remedy="write an ordinary function",
    )
