"""The two doors: `encode` and `decode`."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Any

from devices.errors import CannotTravelError, MidstreamError, ProtocolError
from devices.runtime.python.values import library, objects, paths, refusals
from devices.runtime.python.values.catalogue import KINDS, unlisted, writers_for
from devices.runtime.python.values.contract import Image, Knows, Registered, Slot
from devices.runtime.python.values.reading import Reader
from devices.runtime.python.values.writing import Writer


def encode(
    roots: Iterable[Any],
    knows: Knows,
    registered: Registered,
    *,
    where: Callable[[int], str] = "value {}".format,
    watched: Mapping[int, object] = MappingProxyType({}),
) -> Image:
    """Returns the object graph of ``roots`` as plain nodes. No code of the program is run.

    Args:
        roots: the values, in any order; shared objects and cycles among them are kept.
        knows: the engine.
        registered: the runtime's own types and objects.
        where: names the root with a number, for an error: ``"watch(): line 14: conn"``.
        watched: by ``id``, what is to be told of if it is met.

    Raises:
        CannotTravelError: something cannot; ``place`` is the path to it: ``watch(): line 14: conn.pool[0]``.
    """
    writer = Writer(knows, registered, writers_for(registered))
    nodes = writer.nodes
    slots: list[Slot] = []
    collecting = gc.isenabled()
    gc.disable()  # a heap of many small lists, none of them garbage: collecting costs three times the work
    try:
        slots += [writer.slot(root) for root in roots]
        find = writer.writers.get
        while len(nodes) < len(writer.objects):
            for value in islice(writer.objects, len(nodes), None):  # it grows while we walk
                write = find(type(value)) or unlisted(writer, type(value))
                nodes.append(write(writer, value))
            objects.share_dictionaries(writer)
    except CannotTravelError as error:
        if error.place is not None:
            raise
        place = paths.to_object(len(nodes), slots, nodes, where)
        raise CannotTravelError(error.message, place=place, remedy=error.remedy) from None
    except MidstreamError:
        raise
    except Exception as error:
        # A value in a state that nobody thought of must not raise into the function that holds it.
        place = paths.to_object(len(nodes), slots, nodes, where)
        raise refusals.unreadable(type(writer.objects[len(nodes)]), error, place) from error
    finally:
        if collecting:
            gc.enable()
    return Image(nodes, slots, writer.met_among(watched.keys()) if watched else set(), writer.objects)


def decode(
    heap: Any, roots: Any, knows: Knows, registered: Registered, *, made: Callable[[list[Any]], None] | None = None
) -> list[Any]:
    """Returns the values of ``roots``, in order.

    Args:
        heap: the nodes, from anywhere.
        roots: the slots of the values wanted.
        knows: the engine.
        registered: the runtime's own types and objects: those that `encode` was given.
        made: is told all objects, in the order of their nodes.

    Raises:
        ProtocolError: not what `encode` writes.
    """
    if type(heap) is not list or type(roots) is not list:
        raise ProtocolError("an image without heap and roots")
    reader = Reader(heap, knows, registered, KINDS, {**library.once_in_a_process(), **registered.named})
    collecting = gc.isenabled()
    gc.disable()  # nothing becomes garbage here, and looking for it costs more than the work
    try:
        reader.read()
        if made is not None:
            made(reader.made)
        return reader.values(roots)
    finally:
        if collecting:
            gc.enable()
