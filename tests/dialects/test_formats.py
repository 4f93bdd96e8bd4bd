"""The small formats below the dialects: protobuf, Influx lines, lenient JSON, times, words, counters, rounding."""

from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.dialects.counters import judge
from coordinator.dialects.influx import InfluxError, lines_in
from coordinator.dialects.interpretation import Kind, Signal
from coordinator.dialects.leaves import path_of, rounded
from coordinator.dialects.lenient import parse_leniently
from coordinator.dialects.protobuf import MalformedProtobufError, double, fields, single
from coordinator.dialects.quantities import named, spelled, unit_named
from coordinator.dialects.sparkplug_payload import decode
from coordinator.dialects.times import duration_in, seconds_in
from coordinator.dialects.words import signal_in
from devices.protocol.readings import NoNumber, parse_path


def test_protobuf_fields_come_by_number():
    assert list(fields(b"\x08\x96\x01\x12\x02hi\x1d\x00\x00\x80\x3f")) == [(1, 150), (2, b"hi"), (3, 0x3F800000)]
    assert (single(0x3F800000), double(0x3FF0000000000000)) == (1.0, 1.0)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_payload_or_say_why_they_are_none(data):
    with contextlib.suppress(MalformedProtobufError):
        decode(data)


def test_influx_lines_are_read_with_escapes_types_and_times():
    (line,) = lines_in(r'my\ cpu,host=a\,b,tag=1 f=1.5,i=3i,u=4u,t="a, \"b\" c",yes=true,no=F 1458229140000000000')
    assert (line.measurement, line.tags, line.time) == ("my cpu", {"host": "a,b", "tag": "1"}, 1458229140000000000)
    assert line.fields == {"f": 1.5, "i": 3, "u": 4, "t": 'a, "b" c', "yes": True, "no": False}
    assert len(lines_in("a b=1\n\n# c\r\nd e=2\n")) == 2


@pytest.mark.parametrize("text", ["cpu", "cpu,host", "cpu,host= f=1", "cpu f", "cpu f=", "cpu f=1 now", "cpu f=abc", ",a=b f=1", "cpu f=1 1 1"])  # fmt: skip
def test_what_is_no_influx_line_says_so(text):
    with pytest.raises(InfluxError):
        lines_in(text)


@given(st.text(alphabet='a,= "\\\n1i.', max_size=60))
def test_any_text_is_lines_or_says_why_not(text):
    with contextlib.suppress(InfluxError):
        lines_in(text)


def test_json_is_forgiven_what_printf_makes_of_nothing_and_nothing_else():
    assert parse_leniently(b'{"a":nan,"b":-inf,"c":Infinity,"d":"nan","e":NaN}') == (
        {"a": None, "b": None, "c": None, "d": "nan", "e": None},
        "",
    )
    value, flaw = parse_leniently(b'{"a":,"b":1}')
    assert value == {"a": None, "b": 1}
    assert "character 5" in flaw
    for lost in (b'{"a":"x,"b":1}', b'{"a":1', b'{"a" 1}', b"{'a':1}", b'{"a":nano}'):
        assert parse_leniently(lost) == (NoNumber.MALFORMED, "")


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        (1700000000, 1.7e9), (1700000000123, 1700000000.123), ("1700000000", 1.7e9), (1700000000000000000, 1.7e9), ("2023-11-14T22:13:20Z", 1.7e9),
        ("2023-11-14T23:13:20+01", 1.7e9), ("2023-11-14T23:13:20+0100", 1.7e9), ("2023-11-14T23:13:20+01:00", 1.7e9), ("2023-11-14T22:13:20", None), ("1970-01-01T00:11:31+00:00", None),
        (0, None), (True, None), (None, None), ("2018.02.04 23:17:01", None), ("yesterday", None), (math.inf, None), (10**400, None), ({}, None),
    ],
)  # fmt: skip
def test_a_time_counts_only_where_it_leaves_no_doubt(told, seconds):
    found = seconds_in(told)
    assert found == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(("text", "seconds"), [("PT12H5M46S", 43546), ("P1DT1S", 86401), ("PT0.5S", 0.5), ("-PT1M", -60), ("P", None), ("PT", None), ("12", None)])  # fmt: skip
def test_a_duration_is_its_seconds(text, seconds):
    assert duration_in(text) == seconds


@pytest.mark.parametrize(
    ("word", "signal"),
    [
        ("Online", Signal.UP), ("TRUE", Signal.UP), (True, Signal.UP), (1, Signal.UP), (1.0, Signal.UP), ({"state": "online"}, Signal.UP), ({"value": True}, Signal.UP), ("ready", Signal.UP),
        ("offline", Signal.DOWN), (False, Signal.DOWN), (0, Signal.DOWN), ("lost", Signal.DOWN), ("sleeping", Signal.ASLEEP),
        ("init", Signal.UNKNOWN), ("Verbunden", Signal.UNKNOWN), ("", Signal.UNKNOWN), (None, Signal.UNKNOWN), ({"value": {"value": True}}, Signal.UNKNOWN), ([], Signal.UNKNOWN),
    ],
)  # fmt: skip
def test_only_known_words_say_that_somebody_is_there_or_not(word, signal):
    assert signal_in(word) is signal


@pytest.mark.parametrize(
    ("before", "after", "seconds", "kind", "unit", "increase", "words"),
    [
        (10, 12, 60, Kind.COUNTER, "kWh", 2, ""),
        (123.4, 0.0, 60, Kind.DAILY, "kWh", 0, "new day"),
        (359.067, 355.1, 60, Kind.COUNTER, "kWh", 0, "last counts are lost"),
        (5000, 3, 60, Kind.COUNTER, "s", 3, "began anew"),
        (1000.2, 1000.1, 60, Kind.COUNTER, "kWh", 0, "dip"),
        (2**32 - 5, 3, 60, Kind.COUNTER, None, 8, "wrapped"),
        (65530, 10, 60, Kind.COUNTER, None, 16, "wrapped"),
        (4294900, 1275000000, 60, Kind.COUNTER, "s", 0, "not believed"),
        (0.49, 3137.4, 60, Kind.COUNTER, "kWh", 0, "no supply"),
        (0.49, 3137.4, 0, Kind.COUNTER, "kWh", 3136.91, ""),
    ],
)
def test_a_counters_step_is_told_apart(before, after, seconds, kind, unit, increase, words):
    step = judge(before, after, seconds, kind=kind, unit=unit)
    assert step.increase == pytest.approx(increase)
    assert words in step.words if words else not step.words


def test_a_counter_wraps_where_somebody_says_so():
    step = judge(838857.6, 5.3, 60, kind=Kind.COUNTER, unit="Wh", modulus=838860.8)
    assert step.increase == pytest.approx(8.5)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_number_of_32_bits_is_written_as_short_as_it_was(number):
    assert rounded(number) == pytest.approx(number, rel=1e-7)


def test_digits_that_32_bits_do_not_have_are_left_out_and_others_kept():
    assert (rounded(12.100000381469727), rounded(20.43000030517578), rounded(21.4), rounded(1e300)) == (
        12.1,
        20.43,
        21.4,
        1e300,
    )


@given(
    st.lists(
        st.integers(0, 99) | st.text(st.characters(exclude_characters="\"'"), min_size=1, max_size=8),
        min_size=1,
        max_size=5,
    )
)
def test_a_path_is_taken_apart_as_it_was_put_together(steps):
    assert parse_path(path_of(steps)) == tuple(steps)


def test_units_are_believed_where_the_name_can_mean_nothing_else():
    told = {
        name: spelled(name)
        for name in (
            "tempc",
            "temperature_C",
            "wind_avg_km_h",
            "uptimeSeconds",
            "rain_mm",
            "channel_A",
            "bytes_in",
            "model_V",
            "x",
        )
    }
    assert told == {
        "tempc": "C", "temperature_C": "C", "wind_avg_km_h": "km/h", "uptimeSeconds": "s", "rain_mm": "mm", "channel_A": None, "bytes_in": None, "model_V": None, "x": None,
    }  # fmt: skip
    assert named("power_on_behavior") is None
    assert named("energy_today") == ("kWh", Kind.DAILY)
    assert [unit_named(unit) for unit in ("°C", "℃", "µg/m³", "furlong", " ")] == ["C", "C", "ug/m3", "furlong", None]
