"""Arrays: `array.array` of the standard library, and numpy's where the program uses it.

The elements travel as one string of bytes in the byte order that the type names; a numpy view stays a view of its
base. numpy is never imported here: a process that has not imported it has none of its arrays.
"""

from __future__ import annotations

import math
import sys
from array import array
from typing import Any, Final

from devices.errors import CannotTravelError, ProtocolError, RestoreError
from devices.runtime.python.values.contract import Node, Slot
from devices.runtime.python.values.reading import Kind, Need, Reader, Step
from devices.runtime.python.values.writing import Write, Writer

_SIGNED: Final = {array(code).itemsize: code for code in "bhilq"}
_UNSIGNED: Final = {array(code).itemsize: code for code in "BHILQ"}
_DEEPEST_TYPE: Final = 20  # nesting of a structured type
_BIT_GENERATORS: Final = frozenset({"MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"})


def _write_array(_: Writer, value: array[Any]) -> Node:
    if value.typecode in ("u", "w"):
        return ["array", value.typecode, 0, "".join(value).encode("utf-8", "surrogatepass")]
    little = value
    if sys.byteorder == "big":
        little = value[:]
        little.byteswap()
    return ["array", value.typecode, value.itemsize, little.tobytes()]


def _make_array(_: Reader, node: Node) -> array[Any]:
    _, code, size, raw = node
    if code in ("u", "w"):
        return array(code, raw.decode("utf-8", "surrogatepass"))
    here = code
    if array(code).itemsize != size:  # "l" has 4 bytes on some CPUs and 8 on others
        here = (_SIGNED if code in "bhilq" else _UNSIGNED)[size]
    made: array[Any] = array(here)
    made.frombytes(raw)
    if sys.byteorder == "big":
        made.byteswap()
    return made if here == code else array(code, made)


WRITERS: Final[dict[type, Write]] = {array: _write_array}


def numpy_writers() -> dict[type, Write]:
    """Returns how numpy's arrays and random generators are written; nothing if numpy is not imported."""
    numpy: Any = sys.modules.get("numpy")
    if numpy is None:
        return {}
    return {
        numpy.ndarray: _write_ndarray,
        numpy.random.Generator: lambda writer, value: ["numpy-random", writer.slot(value.bit_generator)],
        **{getattr(numpy.random, name): _write_bits for name in _BIT_GENERATORS},
    }


def numpy_rule(cls: type) -> Write | None:
    """Returns how instances of numpy's many scalar and dtype classes are written, ``None`` for other classes."""
    numpy: Any = sys.modules.get("numpy")
    if numpy is None:
        return None
    if issubclass(cls, numpy.generic):
        return _write_scalar
    return _write_dtype if issubclass(cls, numpy.dtype) else None


def _numpy() -> Any:
    numpy = sys.modules.get("numpy")
    if numpy is None:
        raise RestoreError("the checkpoint holds numpy arrays, and the function's modules do not import numpy here")
    return numpy


def _description(writer: Writer, dtype: Any) -> Slot:
    if dtype.hasobject:
        raise CannotTravelError(
            f"a numpy array of {dtype} holds Python objects inside a structure and cannot travel",
            remedy="use a list, or an array with dtype=object",
        )
    return writer.slot(_numpy().lib.format.dtype_to_descr(dtype))


def _write_ndarray(writer: Writer, value: Any) -> Node:
    numpy = _numpy()
    if value.dtype.kind == "O":
        return ["objects", writer.slot(value.shape), writer.slot(list(value.flat))]
    dtype = _description(writer, value.dtype)
    base = value.base
    if type(base) is numpy.ndarray and base.dtype.kind != "O" and (base.flags.c_contiguous or base.flags.f_contiguous):
        offset = value.__array_interface__["data"][0] - base.__array_interface__["data"][0]
        return ["view-of", writer.reference(base), dtype, offset, *writer.slots((value.shape, value.strides))]
    order = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
    return ["ndarray", dtype, writer.slot(value.shape), order, value.flags.writeable, value.tobytes(order)]


def _dtype(reader: Reader, slot: Slot) -> Any:
    numpy = _numpy()
    description = reader.value(slot)
    if not _is_description(description):
        raise ProtocolError("no type of an array")
    dtype = numpy.lib.format.descr_to_dtype(description)
    if dtype.hasobject:
        raise ProtocolError("raw bytes cannot hold Python objects")
    return dtype


def _is_description(value: Any, depth: int = 0) -> bool:
    if type(value) in (list, tuple):
        return depth < _DEEPEST_TYPE and all(_is_description(part, depth + 1) for part in value)
    return type(value) in (str, int)


def _make_ndarray(reader: Reader, node: Node) -> Any:
    _, dtype, shape, order, writeable, raw = node
    numpy = _numpy()
    flat = numpy.frombuffer(raw, _dtype(reader, dtype)) if raw else numpy.empty(0, _dtype(reader, dtype))
    shaped = flat.reshape(_lengths(reader, shape), order=order)
    made = shaped.copy(order=order)
    made.flags.writeable = bool(writeable)
    return made


def _lengths(reader: Reader, slot: Slot) -> tuple[int, ...]:
    lengths: tuple[int, ...] = reader.typed(slot, tuple)
    if any(type(length) is not int or length < 0 for length in lengths):
        raise ProtocolError("no shape of an array")
    return lengths


def _make_view(reader: Reader, node: Node) -> Any:
    _, slot, dtype, offset, *layout = node
    numpy = _numpy()
    base = reader.typed(slot, numpy.ndarray)
    shape, strides = layout
    # Of the base's bytes in the order of its memory; numpy refuses what reaches beyond them.
    memory = base.reshape(-1, order="A").view(numpy.uint8)
    made = numpy.ndarray(_lengths(reader, shape), _dtype(reader, dtype), memory, offset, reader.typed(strides, tuple))
    made.flags.writeable = base.flags.writeable
    return made


def _make_objects(reader: Reader, node: Node) -> Any:
    lengths = _lengths(reader, node[1])
    if math.prod(lengths) != len(reader.node(node[2])) - 1:
        raise ProtocolError("an array with more or fewer items than its shape has")
    return _numpy().empty(lengths, dtype=object)


def _fill_objects(reader: Reader, made: Any, node: Node) -> None:
    flat = made.reshape(-1)
    for index, item in enumerate(reader.typed(node[2], list)):
        flat[index] = item


def _write_scalar(writer: Writer, value: Any) -> Node:
    return ["numpy-scalar", _description(writer, value.dtype), value.tobytes()]


def _make_scalar(reader: Reader, node: Node) -> Any:
    _, dtype, raw = node
    return _numpy().frombuffer(raw, _dtype(reader, dtype), 1)[0]


def _write_dtype(writer: Writer, value: Any) -> Node:
    return ["numpy-dtype", "O" if value.kind == "O" else _description(writer, value)]


def _make_dtype(reader: Reader, node: Node) -> Any:
    return _numpy().dtype(object) if node[1] == "O" else _dtype(reader, node[1])


def _write_bits(writer: Writer, value: Any) -> Node:
    return ["numpy-bits", type(value).__name__, writer.slot(value.state)]


def _make_bits(reader: Reader, node: Node) -> Any:
    _, name, state = node
    if name not in _BIT_GENERATORS:
        raise ProtocolError("no bit generator of numpy's")
    made = getattr(_numpy().random, name)(0)
    made.state = reader.typed(state, dict)
    return made


def _make_generator(reader: Reader, node: Node) -> Any:
    numpy = _numpy()
    return numpy.random.Generator(reader.instance(node[1], numpy.random.BitGenerator))


def _state_whole(node: Node) -> list[Need]:
    return [(Step.WHOLE, node[2:])]


def _first(node: Node) -> Node:
    return node[1:2]


def _first_two(node: Node) -> Node:
    return node[1:3]


def _view_slots(node: Node) -> list[Slot]:
    return [*node[1:3], *node[4:]]


def _dtype_filled(node: Node) -> list[Need]:
    return [(Step.FILLED, node[1:3])]


KINDS: Final[dict[int | str, Kind]] = {
    "array": Kind(_make_array, slots=lambda _: ()),
    "ndarray": Kind(_make_ndarray, made=_first_two, to_make=_dtype_filled, slots=_first_two),
    "view-of": Kind(_make_view, made=_view_slots, to_make=_dtype_filled, slots=_view_slots),
    "objects": Kind(_make_objects, _fill_objects, made=_first, to_fill=lambda node: [(Step.FILLED, node[2:3])]),
    "numpy-scalar": Kind(_make_scalar, made=_first, to_make=_dtype_filled, slots=_first),
    "numpy-dtype": Kind(_make_dtype, made=_first, to_make=_dtype_filled),
    "numpy-bits": Kind(_make_bits, to_make=_state_whole, slots=lambda node: node[2:]),
    "numpy-random": Kind(_make_generator, made=_first),
}
