"""Iterators that are made with something: ``enumerate``, ``zip``, ``map``, ``filter``, `itertools`.

They tell what they were made with (``__reduce__``), and are made with it again by the fixed list of their types; what
they hold are values like others. Where `itertools` has no such method, the program has the runtime's twins of its types
(`twins`), which travel in the same form; what a library has made there is refused. A deque's iterator counts its steps;
one whose deque has changed since would raise RuntimeError, and does so no more.
"""

from __future__ import annotations

import gc
import itertools
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any, Final, cast

from devices.errors import CannotTravelError, ProtocolError
from devices.runtime.python import twins
from devices.runtime.python.values.contract import Node, Slot
from devices.runtime.python.values.reading import Kind, Need, Reader, Step
from devices.runtime.python.values.writing import Write, Writer

_ITERTOOLS: Final = [
    "accumulate",
    "batched",
    "chain",
    "combinations",
    "combinations_with_replacement",
    "compress",
    "count",
    "cycle",
    "dropwhile",
    "filterfalse",
    "groupby",
    "islice",
    "pairwise",
    "permutations",
    "product",
    "repeat",
    "starmap",
    "takewhile",
    "zip_longest",
    "_grouper",
    "_tee",
    "_tee_dataobject",
]
_MAKERS: Final[dict[str, Callable[..., Any]]] = {
    "enumerate": enumerate,
    "zip": zip,
    "map": map,
    "filter": filter,
    "reversed": reversed,
    "iter": iter,
    "_deque_iterator": type(iter(deque())),
    "_deque_reverse_iterator": type(reversed(deque())),
    **{name: twins.maker(name) for name in _ITERTOOLS},
}
_READ_AT_ONCE: Final = ("_grouper", "_tee_dataobject", "_deque_iterator", "_deque_reverse_iterator")
"""Those that look at their arguments' contents when they are made, or change them; all others just keep them."""
_READ_THROUGH: Final = ("product", "permutations", "combinations", "combinations_with_replacement")
"""Those that iterate over their arguments when they are made: over tuples, or an iterator's functions would run."""
_MAKER_NAMES: Final = {make: name for name, make in _MAKERS.items()}
_SEQUENCE_ITERATOR: Final = type(iter(cast("Any", type("Sequence", (), {"__getitem__": None})())))
_CALLABLE_ITERATOR: Final = type(iter(int, 1))


def _write_made(writer: Writer, value: Any) -> Node:
    make, arguments, state = reduced(value)
    for argument in arguments if make is not twins.maker("repeat") else ():
        if _asks_the_program(argument) and not _can_stand_in(type(argument)):
            raise CannotTravelError(
                f"a {type(value).__name__} over a {type(argument).__qualname__}, which has __slots__, cannot travel",
                remedy="make its class without __slots__, or write the loop out",
            )
    return ["made", _MAKER_NAMES[make], writer.slot(state), *writer.slots(arguments)]


def reduced(value: Any) -> tuple[Any, tuple[Any, ...], Any]:
    """Returns what an iterator was made with, the arguments, and what it needs besides; ``None``: nothing."""
    if type(value) in twins.TYPES:
        return cast("tuple[Any, tuple[Any, ...], Any]", value.__midstream_reduce__())
    with _without_announcements():
        make, arguments, *state = value.__reduce__()
        if type(value) is itertools.accumulate:
            return _accumulated(value, make, arguments, state)
    if not state and type(value) is itertools.groupby:
        return make, arguments, tuple(_held(value)[2:]) or None
    if not state and type(value) in _COMBINING and arguments == ((), 0) and len(_held(value)) > 1:
        return make, ((), 1), None
    return make, arguments, state[0] if state else None


def _accumulated(
    value: Any, make: Any, arguments: tuple[Any, ...], state: list[Any]
) -> tuple[Any, tuple[Any, ...], Any]:
    """As `reduced`; with the initial value as third argument, and a fourth if the total is ``None``.

    ``__reduce__`` puts another iterator before the one iterated over, which would be asked for its iterator again.
    """
    held = _held(value)
    if make is itertools.islice:
        _, (_, function), *_ = arguments[0].__reduce__()
        return itertools.accumulate, (held[-3], function, None, None), None
    if held[-1] is not None:
        return make, (held[-2], arguments[1], held[-1]), None
    return make, arguments, *state


_COMBINING: Final = (itertools.permutations, itertools.combinations, itertools.combinations_with_replacement)
"""Those that say, when they have given their one empty tuple, what they say before."""


def _held(value: Any) -> list[Any]:
    """Returns what an iterator of `itertools` holds, in the order of its fields.

    For what ``__reduce__`` keeps back. A groupby whose group has begun holds the iterator, the function and the group's
    key; one of `_COMBINING` that has ended, its last result; an accumulate its function, its iterator, the total if there
    is one, and last the initial value that is still to come, else ``None``.
    """
    held = gc.get_referents(value)
    return held[1:] if held[0] is type(value) else held  # a type that is no part of the interpreter's is held too


def _refuse(_: Writer, value: Any) -> Node:
    raise CannotTravelError(
        f"an itertools.{type(value).__name__} that a library has made cannot travel on this Python: its state is hidden",
        remedy="go over list(...) of it",
    )


@contextmanager
def _without_announcements() -> Iterator[None]:
    """Keeps 3.12 and 3.13 from announcing what 3.14 has done to the state of `itertools`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def _make_made(reader: Reader, node: Node) -> Any:
    name, arguments = node[1], reader.values(node[3:])
    if name in _READ_THROUGH and any(type(argument) not in (tuple, int) for argument in arguments):
        raise ProtocolError(f"{name} over something that would have to be run")
    own = [argument for argument in arguments if name != "repeat" and _asks_the_program(argument)]
    if own and name in ("iter", "reversed"):
        raise ProtocolError(f"{name} over something that makes its iterators itself")
    classes = [type(iterator) for iterator in own]
    try:
        for iterator in own:
            _CLASS.__set__(iterator, _AlreadyIterator)
        return _accumulate(*arguments) if name == "accumulate" else _MAKERS[name](*arguments)
    finally:
        for iterator, cls in zip(own, classes, strict=True):
            _CLASS.__set__(iterator, cls)


def _accumulate(iterator: Any, function: Any, initial: Any = None, *none_yet: None) -> Any:
    made = _MAKERS["accumulate"](iterator, function, initial=initial)
    if none_yet:
        _set_state(made, None)
    return made


_CLASS: Final[Any] = vars(object)["__class__"]


class _AlreadyIterator:
    """The class of an iterator of the program's own while ``enumerate`` or ``zip`` is made with it.

    They ask for ``__iter__``, which may start anew, or count; it has been asked before.
    """

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        raise StopIteration


def _asks_the_program(value: Any) -> bool:
    names = ("__iter__", "__reversed__")
    return type(value) not in twins.TYPES and any(
        isinstance(vars(kind).get(name), FunctionType) for kind in type.mro(type(value)) for name in names
    )


def _can_stand_in(cls: type) -> bool:
    """Tells whether `_AlreadyIterator` lies in memory as instances of the class do."""
    layouts = [(kind.__basicsize__, kind.__dictoffset__, kind.__weakrefoffset__) for kind in (cls, _AlreadyIterator)]
    return layouts[0] == layouts[1] and not any("__slots__" in vars(kind) for kind in type.mro(cls))


def _fill_made(reader: Reader, made: Any, node: Node) -> None:
    state = reader.value(node[2])
    if state is not None:
        _set_state(made, state)


def _set_state(made: Any, state: Any) -> None:
    if type(made) in twins.TYPES:
        made.__midstream_restore__(state)
    elif type(made) is itertools.groupby and len(state) == 1:
        _begin_group(made, state[0])
    else:
        with _without_announcements():
            made.__setstate__(state)


def _begin_group(made: Any, key: Any) -> None:
    """Brings a groupby to where it waits for the next element of a group with this key, or of another."""
    with _without_announcements():
        made.__setstate__((key, None, key))  # of what was read last: its key, itself; the key of the group
        next(_MAKERS["_grouper"](made, key))  # takes the element that stands there


def _after_name(node: Node) -> list[Slot]:
    return node[2:]


def _filled_arguments(node: Node) -> list[Need]:
    return [(Step.FILLED, node[3:])] if node[1] in _READ_AT_ONCE else []


def _filled_state(node: Node) -> list[Need]:
    return [(Step.FILLED, node[2:3])]


WRITERS: Final[dict[type, Write]] = {
    _SEQUENCE_ITERATOR: _write_made,
    _CALLABLE_ITERATOR: _write_made,
    **{getattr(itertools, name): _refuse for name in _ITERTOOLS if hasattr(itertools, name)},
    **{make: _write_made for make in _MAKERS.values() if isinstance(make, type)},
}

KINDS: Final[dict[int | str, Kind]] = {
    "made": Kind(
        _make_made,
        _fill_made,
        made=_after_name,
        to_make=_filled_arguments,
        to_fill=_filled_state,
        slots=_after_name,
        chained=True,
    ),
}
