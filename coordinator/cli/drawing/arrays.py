"""Arrays by type and shape, with their first numbers; numpy is not needed for it."""

from __future__ import annotations

import struct
from typing import Any, Final

from coordinator.cli.drawing.pen import Draw, Drawn, Pen

_NUMPY_CODES: Final[dict[str, tuple[str, str]]] = {
    "b1": ("bool", "?"),
    "i1": ("int8", "b"),
    "i2": ("int16", "h"),
    "i4": ("int32", "i"),
    "i8": ("int64", "q"),
    "u1": ("uint8", "B"),
    "u2": ("uint16", "H"),
    "u4": ("uint32", "I"),
    "u8": ("uint64", "Q"),
    "f2": ("float16", "e"),
    "f4": ("float32", "f"),
    "f8": ("float64", "d"),
}
"""Names and `struct` codes of numpy's plain types, by what its descriptions say behind the byte order."""
_CODES: Final = {("i", 1): "b", ("i", 2): "h", ("i", 4): "i", ("i", 8): "q", ("f", 4): "f", ("f", 8): "d"}


def _array(pen: Pen, fields: list[Any]) -> Drawn:
    code, size, data = fields
    if code in ("u", "w"):
        return Drawn("array", f"array({code!r}, {pen.text(data.decode('utf-8', 'surrogatepass'))})")
    plain = _CODES["f" if code in "fd" else "i", size]
    return Drawn("array", f"array({code!r}, {_numbers(pen, '<' + (plain.upper() if code.isupper() else plain), data)})")


def _numbers(pen: Pen, code: str, data: bytes) -> str:
    size = struct.calcsize(code)
    return f"[{pen.row(len(data) // size, lambda at: pen.value(struct.unpack_from(code, data, at * size)[0]))}]"


def _dtype(pen: Pen, slot: Any) -> str:
    if isinstance(slot, str):
        name, _ = _NUMPY_CODES.get(slot[1:], ("", ""))
        return (name if slot[0] in "<|" else f"{name} in big-endian order") if name else pen.value(slot)
    return pen.value(slot)


def _code(slot: Any) -> str:
    """Returns the `struct` code of a plain dtype, empty for others."""
    if not isinstance(slot, str):
        return ""
    _, code = _NUMPY_CODES.get(slot[1:], ("", ""))
    return (">" if slot[0] == ">" else "<") + code if code else ""


def _ndarray(pen: Pen, fields: list[Any]) -> Drawn:
    dtype, shape, order, _, data = fields
    code = _code(dtype)
    numbers = f"{_numbers(pen, code, data)}" if code else f"{len(data)} bytes"
    fortran = ", order='F'" if order == "F" else ""
    return Drawn("ndarray", f"ndarray({numbers}, shape={pen.value(shape)}, dtype={_dtype(pen, dtype)}{fortran})")


def _view_of(pen: Pen, fields: list[Any]) -> Drawn:
    base, dtype, _, shape, _ = fields
    described = f"shape={pen.value(shape)}, dtype={_dtype(pen, dtype)}"
    return Drawn("ndarray", f"ndarray({described}, a view of {pen.value(base)})")


def _objects(pen: Pen, fields: list[Any]) -> Drawn:
    shape, items = fields
    return Drawn("ndarray", f"ndarray({pen.value(items)}, shape={pen.value(shape)}, dtype=object)")


def _scalar(pen: Pen, fields: list[Any]) -> Drawn:
    dtype, data = fields
    code, name = _code(dtype), _dtype(pen, dtype)
    return Drawn(name, f"{name}({struct.unpack(code, data)[0] if code else pen.data(data)})")


def _numpy_dtype(pen: Pen, fields: list[Any]) -> Drawn:
    (dtype,) = fields
    return Drawn("dtype", f"dtype({'object' if dtype == 'O' else _dtype(pen, dtype)})")


def _bits(_: Pen, fields: list[Any]) -> Drawn:
    name, _state = fields
    return Drawn(name, f"<{name} with its state>")


def _random(pen: Pen, fields: list[Any]) -> Drawn:
    return Drawn("Generator", f"Generator({pen.value(fields[0])})")


DRAWINGS: Final[dict[Any, Draw]] = {
    "array": _array,
    "ndarray": _ndarray,
    "view-of": _view_of,
    "objects": _objects,
    "numpy-scalar": _scalar,
    "numpy-dtype": _numpy_dtype,
    "numpy-bits": _bits,
    "numpy-random": _random,
}
