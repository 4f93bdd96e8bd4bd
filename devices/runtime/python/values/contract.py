"""What the codec and the engine ask of each other.

The codec knows Python's values; the engine knows the program: its modules, functions, generators, cells, tracebacks.
Where the two meet, the codec asks `Knows`. What the runtime itself gives to a function (subscriptions, messages, files
that reopen) is `Registered`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

Plain = Any
"""Plain data: ``None``, bool, int of 64 bits, float, str, bytes, and lists of these, nested at most 16 deep."""

Slot = Any
"""A place in a node: a value that needs no identity (``None``, bool, int of 64 bits, float, short str or bytes), as
itself, or ``[index]``, a reference to the node with that index."""

Node = list[Any]
"""``[tag, ...]``: see `devices/protocol/image.cddl`."""


class Described(NamedTuple):
    """How the engine describes a value of the program.

    Attributes:
        tag: the engine's word for the kind.
        children: the values it holds that are filled in later: cycles through them are fine.
        plain: what it needs besides, as plain data.
        needs: the values that must exist (though perhaps not filled yet) when it is made: the cells of a function.
    """

    tag: str
    children: list[Any]
    plain: Plain = None
    needs: Sequence[Any] = ()


class Knows(Protocol):
    """What only the engine knows."""

    def describe(self, value: Any) -> Described | tuple[str, list[Any], Plain] | None:
        """Returns how a value travels that only the engine knows, or ``None``: not of the program.

        Asked for functions, classes, generators, coroutines, cells, modules, code, frames and tracebacks before the codec looks at them, and for any value of a class of the package
        ``devices`` that is not registered. A traceback that is not described travels as ``None``. May raise `CannotTravelError` without a place: the codec adds it.
        """
        ...

    def make(self, tag: str, plain: Plain, needs: list[Any]) -> Any:
        """Returns the object, or its shell where `fill` completes it.

        ``needs`` are made, not filled. Everything is checked here: the blob may be hostile.

        Raises:
            ProtocolError: not something that `describe` would have said.
        """
        ...

    def fill(self, made: Any, tag: str, plain: Plain, children: list[Any]) -> None:
        """Completes the object; each of ``children`` is made, not all of them are filled."""
        ...

    def modules(self) -> Collection[str]:
        """Returns the names of the modules that the program's source imports.

        Classes and functions of these modules, and of the packages they are in, may be referred to by name; beside
        them only a fixed list of harmless standard modules. All of them must be loaded before `decode`.
        """
        ...


@dataclass(frozen=True)
class Travels:
    """How a library type travels: ``state`` gives a value that the codec can carry, ``restore`` takes it back.

    ``restore`` gets its state complete; so the state must not lead back to the object itself.
    """

    tag: str
    state: Callable[[Any], Any]
    restore: Callable[[Any], Any]


class Made(NamedTuple):
    """An object and the call that made it: a function of the program's that is found by its name, and its arguments."""

    value: Any
    maker: Any
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]


class Anew(Protocol):
    """Objects that do not travel but are made again by the call that made them."""

    def living(self) -> Collection[Made]:
        """Returns those that there are."""
        ...

    def make(self, maker: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Makes one by a call from anywhere; what it is given is whole.

        Raises:
            MidstreamError: not a call that may be made, or it failed.
        """
        ...


@dataclass(frozen=True)
class Registered:
    """Library types by exact type, objects that exist once in each process, by name (``ctx``), and those made anew."""

    types: Mapping[type, Travels] = field(default_factory=dict)
    named: Mapping[str, object] = field(default_factory=dict)
    anew: Anew | None = None


@dataclass(frozen=True)
class Image:
    """The object graph as plain data: ``roots`` are slots, in the order of the values given.

    ``met`` are the ids of those objects that were watched for, and are in it; ``objects`` what the nodes are of.
    """

    heap: list[Node]
    roots: list[Slot]
    met: set[int] = field(default_factory=set)
    objects: list[Any] = field(default_factory=list)
