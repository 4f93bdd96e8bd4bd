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
        case Tag.SET | Tag.FROZENSET:
            return " (an element)"
        case Tag.DICT:
            half = len(node) // 2
            return f" (key {position - 1})" if position <= half else _subscript(node[position - half])
        case Tag.RECORD if position > 1:
            return _subscript(_name(nodes, node[1], position - 1))
        case Tag.OBJECT if position > 2:
            return f".{_name(nodes, node[2], position - 2)}"
        case Tag.EXTENDED if position > 3:
            return f".{_name(nodes, node[3], position - 3)}"
        case "exception":
            names = ("__class__", "args", "__cause__", "__context__", "", "__traceback__", "")
            return f".{names[position - 1]}" if position <= len(names) else f".{_name(nodes, node[7], position - 7)}"
        case Tag.KNOWN:
            return f" (in its {node[1]})"
    return ""


def _name(nodes: Sequence[Node], shape: list[int], position: int) -> str:
    """Returns a name of a shape, which joins the queue before the values do, so that its node is there."""
    name: str = nodes[shape[0]][position]
    return name


def _subscript(key: Slot) -> str:
    return f"[{repr(key)[:_KEY]}]" if type(key) is not list else "[...]"
