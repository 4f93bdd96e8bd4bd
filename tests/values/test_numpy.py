"""numpy's arrays travel exactly, views stay views; a process without numpy says so."""

from __future__ import annotations

import pytest
from by_name import ByName, there_and_back

from devices.errors import CannotTravelError, ProtocolError, RestoreError
from devices.runtime.python.values import Registered, decode, encode

try:
    import numpy as np
except ImportError:
    np = None

needs_numpy = pytest.mark.skipif(np is None, reason="numpy is not installed")


def arrays():
    if np is None:
        return
    yield np.arange(12, dtype="<i4")
    yield np.arange(12, dtype=">f8").reshape(3, 4)
    yield np.asfortranarray(np.arange(12.0).reshape(3, 4))
    yield np.array(5)
    yield np.empty((0, 3))
    yield np.array([True, False])
    yield np.array([1 + 2j], dtype="c8")
    yield np.array(["a", "bc"])
    yield np.array([b"a", b"bc"])
    yield np.array(["2026-11-25", "NaT"], dtype="M8[s]")
    yield np.array([1, 2], dtype="m8[ms]")
    yield np.array([(1, 2.5), (3, 4.5)], dtype=[("a", "i4"), ("b", "f8", (1,))])
    yield np.array([np.nan, np.inf, -0.0])


@needs_numpy
@pytest.mark.parametrize("array", list(arrays()), ids=lambda array: f"{array.dtype}-{array.shape}")
def test_an_array_comes_back_with_type_shape_order_and_bytes(array):
    back = there_and_back(array)
    assert type(back) is np.ndarray
    assert (back.dtype, back.shape, back.strides) == (array.dtype, array.shape, array.strides)
    assert back.tobytes() == array.tobytes()
    assert back.flags.writeable
    assert back.flags.owndata == array.flags.owndata


@needs_numpy
def test_an_array_of_objects_keeps_their_identities_and_cycles():
    array = np.empty((2, 2), dtype=object)
    shared = [array]
    array[0, 0] = array[1, 1] = shared
    back = there_and_back(array)
    assert back[0, 0] is back[1, 1]
    assert back[0, 0][0] is back
    assert back[0, 1] is None


@needs_numpy
@pytest.mark.parametrize("order", "CF")
def test_a_view_stays_a_view_of_its_base(order):
    base = np.arange(24.0).reshape((4, 6), order=order)
    base = base.copy(order=order)
    views = [base[1:3, ::2], base.T, base[::-1], base[2], base.reshape(-1, order=order)[3:7]]
    back, *views_back = there_and_back(base, *views)
    for view, view_back in zip(views, views_back, strict=True):
        assert (view_back == view).all()
        assert view_back.strides == view.strides
        assert np.shares_memory(view_back, back)
    back[2, 2] = -1
    assert views_back[3][2] == -1


@needs_numpy
def test_a_read_only_array_stays_read_only():
    array = np.arange(3)
    array.flags.writeable = False
    assert not there_and_back(array).flags.writeable


@needs_numpy
def test_scalars_and_types_come_back_as_themselves():
    values = [np.float64(1.5), np.int8(-1), np.bool_(True), np.str_("x"), np.datetime64("2026-11-25"), np.dtype("<f4"),
              np.dtype(object), np.dtype([("a", "i4")]), np.float32]  # fmt: skip
    back = there_and_back(values)
    assert [type(value) for value in back] == [type(value) for value in values]
    assert back == values


@needs_numpy
@pytest.mark.parametrize("name", ["PCG64", "MT19937", "Philox", "SFC64", "PCG64DXSM"])
def test_a_random_generator_goes_on_with_the_same_numbers(name):
    generator = np.random.Generator(getattr(np.random, name)(7))
    generator.random(3)
    generator.integers(5, dtype="i4")
    back = there_and_back(generator)
    assert (back.random(5) == generator.random(5)).all()
    assert back.integers(100, dtype="i4") == generator.integers(100, dtype="i4")


@needs_numpy
def test_objects_inside_structures_are_refused_by_name():
    with pytest.raises(CannotTravelError, match="inside a structure"):
        encode([np.zeros(2, dtype=[("a", object)])], ByName(), Registered())


HOSTILE = {
    "too few bytes": [["ndarray", "<f8", [1], "C", True, b"x" * 8], [1, 2]],
    "too many bytes": [["ndarray", "<f8", [1], "C", True, b"x" * 24], [1, 2]],
    "odd bytes": [["ndarray", "<f8", [1], "C", True, b"x" * 7], [1, 1]],
    "negative shape": [["ndarray", "<f8", [1], "C", True, b""], [1, -1]],
    "huge shape": [["objects", [1], [2]], [1, 2**62], [0]],
    "objects in raw bytes": [["ndarray", "|O", [1], "C", True, b"x" * 8], [1, 1]],
    "objects in a structure": [["ndarray", [2], [1], "C", True, b"x" * 8], [1, 1], [0, [3]], [1, "a", "|O"]],
    "objects as scalar": [["numpy-scalar", "|O", b"x" * 8]],
    "view beyond the base": [
        ["view-of", [1], "<f8", 0, [2], [3]], ["ndarray", "<f8", [4], "C", True, b"x" * 8], [1, 2], [1, 8], [1, 1],
    ],
    "view before the base": [
        ["view-of", [1], "<f8", -8, [2], [3]], ["ndarray", "<f8", [4], "C", True, b"x" * 8], [1, 1], [1, 8], [1, 1],
    ],
    "view by strides beyond": [
        ["view-of", [1], "<f8", 0, [2], [3]], ["ndarray", "<f8", [4], "C", True, b"x" * 16], [1, 2], [1, 2**40], [1, 2],
    ],
    "view of objects": [["view-of", [1], "<f8", 0, [2], [3]], ["objects", [4], [5]], [1, 1], [1, 8], [1, 1], [0, None]],
    "too many objects": [["objects", [1], [2]], [1, 1], [0, 1, 2]],
    "a type that is none": [["numpy-dtype", "what"]],
    "an unknown bit generator": [["numpy-bits", "seed", [1]], [2]],
    "a wrong state": [["numpy-bits", "PCG64", [1]], [2]],
}  # fmt: skip


@needs_numpy
@pytest.mark.parametrize("heap", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_array_is_refused(heap):
    with pytest.raises(ProtocolError):
        decode(heap, [[0]], ByName(), Registered())


def test_arrays_for_a_process_without_numpy_name_the_reason(monkeypatch):
    import sys

    monkeypatch.delitem(sys.modules, "numpy", raising=False)
    with pytest.raises(RestoreError, match="numpy"):
        decode([["ndarray", "<f8", [1], "C", True, b""], [1, 0]], [[0]], ByName(), Registered())
