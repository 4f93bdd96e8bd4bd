"""Frames to an image: the bytes that travel, and what people are told about them."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from devices.runtime.python import form
from devices.runtime.python.frames import Standing
from devices.runtime.python.knows import Knowledge
from devices.runtime.python.loaded import Look
from devices.runtime.python.program import Program
from devices.runtime.python.records import Record
from devices.runtime.python.state import changed, gone, shared_inside, value_of
from devices.runtime.python.values import encode, to_cbor
from devices.runtime.python.values.contract import Image as Graph


class Place(NamedTuple):
    """A place in the user's source; ``function`` is the qualified name, ``statement`` the line's text."""

    file: str
    line: int
    function: str
    statement: str


class Variable(NamedTuple):
    """A variable without its value; ``size`` is a rough number of bytes."""

    frame: str
    name: str
    type: str
    size: int


@dataclass(frozen=True)
class Image:
    """A captured function.

    Attributes:
        data: deterministic CBOR of frames and object graph; empty strings of anything else.
        place: where it stands: the innermost frame.
        frames: all frames, outermost first.
        variables: what travels, by frame.
        read_ms: milliseconds for reading the frames.
        encode_ms: milliseconds for the object graph and its bytes.
    """

    data: bytes
    place: Place
    frames: list[Place]
    variables: list[Variable]
    read_ms: float
    encode_ms: float


EFFECT: Final = "effect"


class Reading:
    """A stack that has been read, and not encoded yet: valid as long as nothing of the function runs.

    Args:
        program: the program.
        standings: its frames, outermost first.
        effect: the descriptor of the effect that the innermost frame waits in.
        stopped: when the function stopped, by `time.perf_counter`.

    Attributes:
        place: where it stands: the innermost frame.
        frames: all frames, outermost first.
        variables: what travels, by frame.
        in_memory: whether all that the image will say lies in this process's memory; not in the system's, as where a
            file stands.
        read_ms: milliseconds for reading the frames.

    Raises:
        CannotTravelError: what the function has written is not taken by the disk.
    """

    def __init__(
        self, program: Program, standings: Sequence[Standing], effect: dict[str, Any] | None, *, stopped: float
    ) -> None:
        self.in_memory = program.library.settle()
        self.frames = [_place(standing) for standing in standings]
        self.place = self.frames[-1]
        self.variables = [
            Variable(standing.known.function.qualname, name, type(value).__name__, sys.getsizeof(value, 0))
            for standing in standings
            for name, value in standing.values.items()
            if not name.startswith(".")
        ]
        self._program = program
        self._standings = standings
        self._effect = effect
        self.read_ms = (time.perf_counter() - stopped) * 1000

    def image(self) -> Image:
        """Returns the image.

        Raises:
            CannotTravelError: a value cannot; ``place`` is the way to it: ``washer(): line 14: conn.pool[0]``.
            Blocked: a generator that is used elsewhere runs just now.
        """
        began = time.perf_counter()
        data = _data(self._program, self._standings, self._effect)
        encode_ms = (time.perf_counter() - began) * 1000
        return Image(data, self.place, self.frames, self.variables, self.read_ms, encode_ms)


def _data(program: Program, standings: Sequence[Standing], effect: dict[str, Any] | None) -> bytes:
    running = {
        id(standing.generator): (index, list(standing.cells.values()))
        for index, standing in enumerate(standings)
        if standing.generator is not None
    }
    roots: list[tuple[str, Any]] = []  # with the way to each, for people
    for standing in standings:
        label = f"{standing.known.function.qualname}(): line {standing.line}: "
        for name, value in standing.values.items():
            roots.append(
                (label + (name if not name.startswith(".") else "a value in the middle of the statement"), value)
            )
        roots += [(label + name, cell) for name, cell in standing.cells.items()]
        made = "the generator that is under way" if standing.entry.way == "call" else "the object being made"
        roots.append((label + made, standing.instance))
    in_effect = effect is not None and standings[-1].entry.way == "call"
    if in_effect:
        roots.append(
            (f"{standings[-1].known.function.qualname}(): line {standings[-1].line}: what it waits for", effect)
        )
    ambient = list(program.ambient.changed())
    roots += ambient
    knows = Knowledge(program, running=running)
    looks = program.look()
    state, graph = _encoded(program, standings, looks, knows, roots)
    numbers = program.identities.of_nodes(graph.objects, graph.heap) if program.asks_numbers else None
    return to_cbor(
        {
            "form": form.VERSION,
            "python": "{}.{}.{}".format(*sys.version_info[:3]),
            "source": program.source.digest,
            "frames": [[*Record.of(each).plain(), int(each.generator is not None)] for each in standings],
            "effect": in_effect,
            "modules": list(program.order),
            "state": [[module, name] for module, name, _ in state],
            "gone": [list(place) for place in gone(looks)],
            "ambient": [name for name, _ in ambient],
            "heap": graph.heap,
            "roots": graph.roots,
            **({} if numbers is None else {"numbers": numbers}),
        }
    )


def _encoded(
    program: Program,
    standings: Sequence[Standing],
    looks: Sequence[Look],
    knows: Knowledge,
    roots: list[tuple[str, Any]],
) -> tuple[list[tuple[str, str, Any]], Graph]:
    """Returns the state of the modules that travels, and the graph of it and the other roots, which come before it.

    A list that lies in a global table which nobody has changed is made anew with the table, unless something else that
    travels holds it too: then the table travels, so that both have the same list.
    """
    registered = program.registered(looks)
    state = changed(program, standings, looks, registered)
    inner = shared_inside(program, state)
    while True:
        labelled = [*roots, *((f"{module}: {name}", value) for module, name, value in state)]
        labels = [label for label, _ in labelled]
        graph = encode([value for _, value in labelled], knows, registered, where=labels.__getitem__, watched=inner)
        if not graph.met:
            return state, graph
        more = {inner[each] for each in graph.met}
        state += [(module, name, value_of(program, module, name)) for module, name in sorted(more)]
        here = {f"{module}:{name}" for module, name in more}
        named = {name: each for name, each in registered.named.items() if name not in here}
        registered = replace(registered, named=named)
        inner = {key: place for key, place in inner.items() if place not in more}


def _place(standing: Standing) -> Place:
    module = standing.known.module
    lines = module.lines_of_text
    statement = lines[standing.line - 1].strip() if 0 < standing.line <= len(lines) else ""
    return Place(module.shape.filename, standing.line, standing.known.function.qualname, statement)
