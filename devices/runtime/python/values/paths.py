"""The path to a value that cannot travel, found when it is needed and not before.

The nodes written so far hold each way to it: a reference stands in the slot it belongs to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from devices.runtime.python.values.contract import Node, Slot
from devices.runtime.python.values.nodes import Tag

_SHOWN: Final = 8  # steps at either end of a path that are shown
_PLAIN: Final = 2  # the position of a known node that holds plain data and no slot
_OBJECT_SHAPE: Final = 2  # positions of shapes, as in image.cddl; the named values follow them
_EXTENDED_SHAPE: Final = 3
_EXCEPTION_SHAPE: Final = 8
_EXCEPTION_PARTS: Final = ("__class__", "args", "__cause__", "__context__", "", "__traceback__", "exceptions", "")
_KEY: Final = 40  # characters of a dict's key that are shown


def to_object(index: int, roots: Sequence[Slot], nodes: Sequence[Node], where: Callable[[int], str]) -> str:
    """Returns the shortest path from a root to the object with this index: ``watch(): line 14: conn.pool[0]``.

    Args:
        index: of the object whose node could not be written.
        roots: the roots' slots; an object that only these lead to is a root.
        nodes: those written so far: the queue is in order, so they hold the way.
        where: names the root with a number.
    """
    root_of = {slot[0]: number for number, slot in reversed(list(enumerate(roots))) if type(slot) is list}
    holder: dict[int, tuple[int, int]] = {}
    for parent, node in enumerate(nodes):
        for position, slot in enumerate(node):
            if type(slot) is list and not (node[0] == Tag.KNOWN and position == _PLAIN):
                holder.setdefault(slot[0], (parent, position))
    steps: list[str] = []
    while index not in root_of:
        if index not in holder:  # a root that was still being looked at
            return where(len(roots)) + "".join(reversed(steps))
        parent, position = holder[index]
        steps.append(_step(nodes, parent, position))
        index = parent
    steps.reverse()
    if len(steps) > 2 * _SHOWN:
        steps[_SHOWN:-_SHOWN] = [f" ... {len(steps) - 2 * _SHOWN} more ... "]
    return where(root_of[index]) + "".join(steps)


def _step(nodes: Sequence[Node], parent: int, position: int) -> str:
    node = nodes[parent]
    match node[0]:
        case Tag.LIST | Tag.TUPLE:
            return f"[{position - 1}]"
        case "deque":
            return f"[{position - 2}]"
        case Tag.SET | Tag.FROZENSET:
            return " (an element)"
        case Tag.DICT | "ordered":
            half = len(node) // 2
            return f" (key {position - 1})" if position <= half else _subscript(nodes, node[position - half])
        case Tag.RECORD if position > 1:
            return _subscript(nodes, _name(nodes, node, 1, position))
        case "namespace" if position > 1:
            return f".{_name(nodes, node, 1, position)}"
        case Tag.OBJECT if position > _OBJECT_SHAPE:
            return f".{_name(nodes, node, _OBJECT_SHAPE, position)}"
        case Tag.EXTENDED if position > _EXTENDED_SHAPE:
            return f".{_name(nodes, node, _EXTENDED_SHAPE, position)}"
        case "exception" if position > _EXCEPTION_SHAPE:
            return f".{_name(nodes, node, _EXCEPTION_SHAPE, position).lstrip('.')}"
        case "exception":
            return f".{_EXCEPTION_PARTS[position - 1]}"
        case Tag.KNOWN:
            return f" (in its {node[1]})"
    return ""


def _name(nodes: Sequence[Node], node: Node, shape: int, position: int) -> str:
    """Returns a name of the node's shape, which joins the queue before the values do, so that its node is there."""
    name: str = nodes[node[shape]][position - shape]
    return name


def _subscript(nodes: Sequence[Node], key: Slot) -> str:
    if type(key) is list and key[0] < len(nodes) and nodes[key[0]][0] == Tag.TUPLE:
        inside = nodes[key[0]][1:]
        key = tuple(inside) if not any(type(slot) is list for slot in inside) else key
    return f"[{repr(key)[:_KEY]}]" if type(key) is not list else "[...]"
