"""Variables of a stopped function given other values, in its image: nothing of the program runs.

A value is plain data as JSON has it. A local is bound anew, as an assignment at the place where the function stands
would do; a variable that closures share changes for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from devices.errors import ProtocolError, UsageError, printable
from devices.runtime.python.records import Record, require_made_for
from devices.runtime.python.upgrading.frames import Version
from devices.runtime.python.upgrading.reach import kinds_of
from devices.runtime.python.values.nodes import LARGEST_INT, SHORT, SMALLEST_INT, Tag
from devices.runtime.python.values.wire import from_cbor, to_cbor
from devices.runtime.source import Source

_SHOWN: Final = 20  # names in a remedy


def edited(data: bytes, source: Source, values: Mapping[str, Any]) -> bytes:
    """Returns an image in which variables have other values.

    Args:
        data: the image.
        source: that it was taken of.
        values: by name: ``total`` is a local of the innermost frame or else a global of its module,
            ``function.total`` one of an outer frame, ``module.total`` a global.

    Raises:
        UsageError: no variable of this name has a value that the rest uses.
        ProtocolError: the image is none of the source.
        NewerFormatError: of a normal form that this version does not have.
    """
    image = from_cbor(data)
    require_made_for(image, source)
    try:
        editing = _Editing(image, Version(source))
        for name, value in values.items():
            editing.set(name, value)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ProtocolError("the image is not as the contract says") from error
    return to_cbor(image)


class _Editing:
    def __init__(self, image: dict[str, Any], version: Version) -> None:
        self._image = image
        self._version = version
        self._records = [Record.from_plain(frame[:-1]) for frame in image["frames"]]
        self._functions = [self._qualname(record) for record in self._records]

    def _qualname(self, record: Record) -> str:
        code = self._version.code.modules.get(record.module)
        function = code.function(record.function) if code is not None else None
        if function is None:
            raise ProtocolError("the image has a frame that is not its source's")
        return function.qualname

    def set(self, name: str, value: Any) -> None:
        """Gives a variable a value."""
        for index, module, variable in self._meanings(name):
            if index is not None and self._set_local(index, variable, value):
                return
            if index is None and self._set_global(module, variable, value):
                return
        raise self._unknown(name)

    def _meanings(self, name: str) -> Iterator[tuple[int | None, str, str]]:
        """Yields what a name may mean, the nearest first: a frame's number or none, a module, a variable."""
        innermost = len(self._records) - 1
        yield innermost, "", name
        yield None, self._records[innermost].module, name
        owner, _, variable = name.rpartition(".")
        for index in range(innermost, -1, -1):
            if self._functions[index] == owner:
                yield index, "", variable
        yield None, owner, variable

    def _set_local(self, index: int, name: str, value: Any) -> bool:
        record, heap, roots = self._records[index], self._image["heap"], self._image["roots"]
        first = sum(len(each.names) + len(each.cells) + 1 for each in self._records[:index])
        if name.startswith("."):
            return False
        if name in record.names:
            roots[first + record.names.index(name)] = self._slot(value)
            return True
        if name in record.cells:
            (cell,) = roots[first + len(record.names) + record.cells.index(name)]
            heap[cell] = [Tag.KNOWN, "cell", True, 0, self._slot(value)]
            return True
        return False

    def _set_global(self, module: str, name: str, value: Any) -> bool:
        image = self._image
        code = self._version.code.modules.get(module)
        if code is None or name not in code.shape.bound:
            return False
        if kinds_of(self._version.trees[module]).get(name) in ("function", "class"):
            raise UsageError(f"{module}.{name} is a function or a class, no variable", place=f"--set {name}")
        place = [module, name]
        if place not in image["state"]:
            image["state"].append(place)
            image["roots"].append(None)
        image["roots"][len(image["roots"]) - len(image["state"]) + image["state"].index(place)] = self._slot(value)
        return True

    def _unknown(self, name: str) -> UsageError:
        there = [
            variable if index == len(self._records) - 1 else f"{function}.{variable}"
            for index, (record, function) in reversed(list(enumerate(zip(self._records, self._functions, strict=True))))
            for variable in (*record.names, *record.cells)
            if not variable.startswith(".")
        ]
        return UsageError(
            f"the rest of the function uses no variable {printable(name, 50)!r} that has a value",
            place="--set",
            remedy=f"there are: {', '.join(there[:_SHOWN])}; and the globals" if there else "there are only globals",
        )

    # -- values ---------------------------------------------------------------------------------------------------

    def _slot(self, value: Any) -> Any:
        """Returns the slot of a plain value; what needs a node gets one, behind all others."""
        match value:
            case None | bool() | float():
                return value
            case int():
                if SMALLEST_INT <= value <= LARGEST_INT:
                    return value
                return self._added(["int", value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)])
            case str():
                return value if len(value) <= SHORT else self._added([Tag.TEXT, value])
            case list():
                return self._added([Tag.LIST, *map(self._slot, value)])
            case dict():
                return self._added([Tag.DICT, *map(self._slot, value), *map(self._slot, value.values())])
        raise UsageError(f"a {type(value).__name__} cannot be given to a variable", place="--set")

    def _added(self, node: list[Any]) -> list[int]:
        heap = self._image["heap"]
        heap.append(node)
        if "numbers" in self._image:
            self._image["numbers"].append(0)
        return [len(heap) - 1]
