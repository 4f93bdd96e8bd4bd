"""A small engine for these tests: it knows the functions, classes, cells and modules of the tests' own modules."""

from __future__ import annotations

import sys
import types
from typing import Any

from devices.errors import ProtocolError
from devices.runtime.python.values import Described, Registered, decode, encode, from_cbor, to_cbor


class ByName:
    """Finds what it knows by module and name; a function of a closure by its code's line, with its cells."""

    def __init__(self, *modules: str) -> None:
        self.own = modules

    def describe(self, value: Any) -> Described | None:
        if isinstance(value, types.CellType):
            return Described("cell", [value.cell_contents])
        if isinstance(value, types.FunctionType | type) and value.__module__ in self.own:
            if isinstance(value, types.FunctionType) and value.__closure__:
                plain = [value.__module__, *value.__qualname__.split(".<locals>.")]
                return Described("closure", [], plain, list(value.__closure__))
            return Described("name", [], [value.__module__, value.__qualname__])
        return None

    def make(self, tag: str, plain: Any, needs: list[Any]) -> Any:
        if tag == "cell":
            return types.CellType()
        module, name, *inner = plain
        if module not in self.own:
            raise ProtocolError(f"{module} is not a module of this program")
        found = vars(sys.modules[module])
        for part in name.split("."):
            found = (found if isinstance(found, dict) else vars(found))[part]
            found = found.__func__ if isinstance(found, classmethod | staticmethod) else found
        if tag == "name":
            return found
        code = found.__code__
        for part in inner:
            (code,) = (c for c in code.co_consts if isinstance(c, types.CodeType) and c.co_name == part)
        return types.FunctionType(code, found.__globals__, closure=tuple(needs))

    def fill(self, made: Any, tag: str, plain: Any, children: list[Any]) -> None:
        if tag == "cell":
            (made.cell_contents,) = children

    def modules(self) -> frozenset[str]:
        return frozenset({"os", "email.message", "numpy", *self.own})


def there_and_back(*values: Any, own: str = "", registered: Registered | None = None) -> Any:
    """Returns the values after a trip through bytes; one value as itself."""
    registered = registered or Registered()
    image = encode(values, ByName(own), registered)
    record = from_cbor(to_cbor({"heap": image.heap, "roots": image.roots}))
    back = decode(record["heap"], record["roots"], ByName(own), registered)
    return back[0] if len(values) == 1 else back
