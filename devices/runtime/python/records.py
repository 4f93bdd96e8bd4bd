"""A frame as plain data, and a frame's rest as a function that can be called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import CellType, FunctionType
from typing import Any, Final, cast, get_args

from devices.errors import NewerFormatError, ProtocolError
from devices.runtime.python import form
from devices.runtime.python.continuation import STATE
from devices.runtime.python.frames import Standing
from devices.runtime.python.program import Program
from devices.runtime.python.rest import Entry, Way
from devices.runtime.source import Source

_WAYS: Final = get_args(Way)
_LONGEST_NAME: Final = 1000


@dataclass(frozen=True)
class Record:
    """Where a frame stands, by module, function and step; its variables' names. The values travel beside it."""

    module: str
    function: int
    entry: Entry
    names: tuple[str, ...]
    cells: tuple[str, ...]

    @classmethod
    def of(cls, standing: Standing) -> Record:
        """Returns the record of a frame."""
        known = standing.known
        return cls(
            known.module.shape.name,
            known.function.number,
            standing.entry,
            tuple(standing.values),
            tuple(standing.cells),
        )

    def plain(self) -> list[Any]:
        """Returns it as plain data."""
        number, way, site, pending = self.entry
        return [self.module, self.function, number, way, site, list(pending), list(self.names), list(self.cells)]

    @classmethod
    def from_plain(cls, fields: Any) -> Record:
        """Returns the record in plain data from anywhere.

        Raises:
            ProtocolError: it is not one.
        """
        match fields:
            case [
                str(module),
                int(function),
                int(number),
                str(way),
                int(site),
                list(pending),
                list(names),
                list(cells),
            ]:
                texts = [*pending, *names, *cells]
                if way in _WAYS and all(isinstance(text, str) and len(text) <= _LONGEST_NAME for text in texts):
                    entry = Entry(number, cast("Way", way), site, tuple(pending))
                    return cls(module, function, entry, tuple(names), tuple(cells))
        raise ProtocolError("a frame is not described as one")


def require_made_for(image: Mapping[str, Any], source: Source) -> None:
    """Returns if an image can be read with a source: its statements are counted alike, and it was taken of it.

    Raises:
        NewerFormatError: of a normal form that this version does not have.
        ProtocolError: of another source.
    """
    version = image.get("form")
    if version != form.VERSION:
        raise NewerFormatError(f"the image counts statements by normal form {version}, this version by {form.VERSION}")
    if image.get("source") != source.digest:
        raise ProtocolError("the image was taken of another source")


def instantiate(program: Program, record: Record, cells: Sequence[Any]) -> tuple[FunctionType, list[Any]]:
    """Returns the function that goes on from a record, and the list that it takes; the list holds its closure so far.

    Raises:
        ProtocolError: the program has no such place.
    """
    module = program.modules.get(record.module)
    function = module.code.function(record.function) if module is not None else None
    if module is None or function is None:
        raise ProtocolError(f"the program has no function {record.function} in a module {record.module[:100]!r}")
    if len(cells) != len(record.cells) or not all(isinstance(cell, CellType) for cell in cells):
        raise ProtocolError("a frame's cells are not cells")
    if not all(name in function.names or (name.startswith(".") and name != STATE) for name in record.names):
        raise ProtocolError(f"{function.qualname} has no variables like these")
    continuation = program.continuation(module, function, record.entry, record.names)
    code = continuation.code
    assert code is not None
    given = dict(zip(record.cells, cells, strict=True))
    closure = tuple(given.get(name) or CellType() for name in code.co_freevars)
    made = FunctionType(code, module.namespace, function.name, None, closure)
    made.__qualname__ = function.qualname
    return made, [closure]
