"""What the standard library gives programs to hold: loggers, times, weak references, cached functions, zones."""

from __future__ import annotations

import array
import gc
import logging
import os
import re
import struct
import sys
import time
import weakref
import zoneinfo
from pathlib import Path

import pytest
from by_name import ByName, there_and_back

from devices.errors import CannotTravelError, ProtocolError
from devices.runtime.python import values
from devices.runtime.python.values import Registered, catalogue, encode


class Target:
    pass


def refusal(value):
    with pytest.raises(CannotTravelError) as caught:
        encode([value], ByName(__name__), Registered())
    return caught.value


def test_loggers_are_the_loggers_of_that_name():
    logger = logging.getLogger("heating.boiler")
    assert there_and_back([logger, logging.getLogger()]) == [logger, logging.getLogger()]


def test_a_struct_time_keeps_its_zone():
    moment = time.localtime(1_790_000_000)
    back = there_and_back(moment)
    assert back == moment
    assert (back.tm_zone, back.tm_gmtoff) == (moment.tm_zone, moment.tm_gmtoff)


def test_what_the_system_tells_about_a_file_is_kept():
    told = Path(__file__).stat()
    back = there_and_back(told)
    assert type(back) is os.stat_result
    assert back == told
    assert back.st_mtime_ns == told.st_mtime_ns
    assert there_and_back(os.terminal_size((80, 24))).columns == 80


def test_a_weak_reference_refers_to_the_object_that_travelled():
    target = Target()
    back, target_back = there_and_back(weakref.ref(target), target, own=__name__)
    assert back() is target_back
    del target_back
    gc.collect()
    assert back() is None


def test_a_dead_weak_reference_stays_dead():
    reference = weakref.ref(Target())
    gc.collect()
    assert there_and_back(reference, own=__name__)() is None


def test_a_weak_reference_with_a_callback_is_refused():
    target = Target()
    assert "callback" in refusal(weakref.ref(target, print)).message


def test_a_cached_function_of_a_library_is_that_function():
    import fnmatch
    import functools

    if not hasattr(fnmatch._compile_pattern, "cache_info"):
        pytest.skip("this Python has no such function")
    assert isinstance(fnmatch._compile_pattern, functools._lru_cache_wrapper)
    assert there_and_back(fnmatch._compile_pattern) is fnmatch._compile_pattern


def test_a_compiled_struct_works_as_before():
    assert there_and_back(struct.Struct("<Hb")).unpack(b"\x01\x02\xff") == (0x201, -1)


def test_very_long_regular_expressions_are_refused_with_the_remedy():
    assert "module's own level" in refusal(re.compile("a" * 30_000)).remedy


def test_a_zone_without_a_key_is_refused_with_the_remedy():
    with Path(zoneinfo.TZPATH[0], "UTC").open("rb") as file:
        zone = zoneinfo.ZoneInfo.from_file(file)
    assert "by its name" in refusal(zone).remedy


def test_a_view_of_a_part_of_what_can_change_is_refused_and_of_what_cannot_is_kept():
    assert there_and_back(memoryview(b"abcdef")[1:3]).tobytes() == b"bc"
    assert there_and_back(memoryview(b"abcdef")[::2]).tobytes() == b"ace"
    assert "two indexes" in refusal(memoryview(bytearray(b"abcdef"))[1:3]).remedy


def test_a_view_of_a_whole_bytearray_stays_a_view_of_it():
    raw = bytearray(b"abc")
    view, raw = there_and_back(memoryview(raw), raw)
    raw[0] = 0x7A
    assert bytes(view) == b"zbc"


@pytest.mark.parametrize("code", ["u", *"bBhHiIlLqQfd", *(["w"] if sys.version_info >= (3, 13) else [])])
@pytest.mark.filterwarnings("ignore:The 'u' type code")
def test_an_array_of_each_type_comes_back(code):
    original = array.array(code, "text\udc80" if code in "uw" else [0, 1, 100])
    back = there_and_back(original)
    assert back == original
    assert back.typecode == code


def test_an_array_from_a_cpu_with_another_size_of_long_keeps_its_numbers():
    node = ["array", "l", 4, struct.pack("<2i", -1, 5)]
    (back,) = values.decode([node], [[0]], ByName(), Registered())
    assert back == array.array("l", [-1, 5])


def test_a_runtime_object_that_is_not_registered_is_refused():
    assert "cannot travel" in refusal(ProtocolError("x").__class__.__mro__[0].__subclasses__).message
    assert "cannot travel" in refusal(catalogue.Writer(ByName(), Registered(), {})).message


def test_each_tag_is_taken_once():
    parts = [part for part in vars(values).values() if hasattr(part, "KINDS") and part.KINDS is not catalogue.KINDS]
    tags = [tag for part in parts for tag in part.KINDS]
    assert len(tags) == len(set(tags)) == len(catalogue.KINDS) - len({"named", "registered", "anew"})
