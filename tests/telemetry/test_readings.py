"""Numbers out of payloads: what is one, what is not and why."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.errors import UsageError
from devices.protocol import limits
from devices.protocol.readings import NoNumber, number_at, parse, parse_path, value_at


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("", ()),
        ("ENERGY.Power", ("ENERGY", "Power")),
        ("ENERGY.Power[0]", ("ENERGY", "Power", 0)),
        ("[0].friendly_name", (0, "friendly_name")),
        ('PMS5003["PM2.5"]', ("PMS5003", "PM2.5")),
        ("['24-30V'][\"a]\"]", ("24-30V", "a]")),
        ("params.switch:0.apower", ("params", "switch:0", "apower")),
        ("Supply Voltage", ("Supply Voltage",)),
    ],
)
def test_a_path_is_dotted_and_quotes_awkward_keys(text, steps):
    assert parse_path(text) == steps


@pytest.mark.parametrize("text", ["a..b", "a.", "a[", "a[x]", 'a["x"]b', "a]b", 'a["x]', "a[-1]", ".".join("a" * 33)])
def test_what_is_no_path_is_refused_with_a_remedy(text):
    with pytest.raises(UsageError) as caught:
        parse_path(text)
    assert "path" in caught.value.message


@pytest.mark.parametrize(
    ("payload", "number"),
    [
        (b"21.5", 21.5),
        (b"-76", -76.0),
        (b"+21.5", 21.5),
        (b" 21.5\n", 21.5),
        (b"5e-05", 5e-05),
        (b"21.5\0", 21.5),
        (b"21.5\0 \0", 21.5),
        (b"03", 3.0),
        (b'"100.00"', 100.0),
        (b"9" * 30, 1e30),
        (b"", NoNumber.EMPTY),
        (b"\0", NoNumber.EMPTY),
        (b'""', NoNumber.EMPTY),
        (b"   ", NoNumber.EMPTY),
        (b"null", NoNumber.NULL),
        (b"true", NoNumber.BOOLEAN),
        (b"[1]", NoNumber.STRUCTURE),
        (b'{"t":21.5}\0', NoNumber.STRUCTURE),
        (b"nan", NoNumber.TEXT),
        (b"NaN", NoNumber.TEXT),
        (b"inf", NoNumber.TEXT),
        (b"Infinity", NoNumber.TEXT),
        (b"None", NoNumber.TEXT),
        (b"1_000", NoNumber.TEXT),
        (b"12e4567890", NoNumber.TEXT),
        (b'"12e45"', NoNumber.TEXT),
        (b"0x10", NoNumber.TEXT),
        (b"12,5", NoNumber.TEXT),
        (b"47,123", NoNumber.TEXT),
        (b"45.2847.10", NoNumber.TEXT),
        (b"3.0.1", NoNumber.TEXT),
        ("21.5 °C".encode(), NoNumber.TEXT),
        ("٣".encode(), NoNumber.TEXT),
        (b"9" * 400, NoNumber.NOT_FINITE),
        (b"9" * 100_000, NoNumber.TEXT),
        (b"1e400", NoNumber.TEXT),
        (b"\xff\xd8\xff", NoNumber.BINARY),
        (b'{"a":nan}', NoNumber.MALFORMED),
        (b'{"a":"\xf3"}', NoNumber.BINARY),
        (b'{"a":"\\ud800"}', NoNumber.MALFORMED),
        (b"[" * 33 + b"]" * 33, NoNumber.DEEP),
        (b"[" * 100_000, NoNumber.DEEP),
    ],
)
def test_a_plain_payload_is_a_finite_number_or_says_why_not(payload, number):
    assert number_at(parse(payload), ()) == number


def test_brackets_inside_of_texts_are_no_nesting():
    assert number_at(parse(b'{"a": "' + b"[" * 100 + b'\\"[", "n": 7}'), ("n",)) == 7.0


def test_the_last_of_a_repeated_key_counts():
    assert number_at(parse(b'{"a": 1, "a": 2}'), ("a",)) == 2.0


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a", 1.0),
        ("b.c[1]", 5.0),
        ("b", NoNumber.STRUCTURE),
        ("b.c[2]", NoNumber.MISSING),
        ("b.x", NoNumber.MISSING),
        ("a.x", NoNumber.MISSING),
        ("n", NoNumber.NULL),
        ("n.x", NoNumber.MISSING),
        ("s.t", NoNumber.MISSING),
    ],
)
def test_a_path_leads_to_a_number_or_nowhere(path, found):
    value = parse(b'{"a": 1, "b": {"c": [4, 5]}, "n": null, "s": "text"}')
    assert number_at(value, parse_path(path)) == found


def test_a_path_into_what_is_not_json_keeps_the_payloads_own_flaw():
    assert value_at(parse(b"\xff"), ("a",)) is NoNumber.BINARY
    assert value_at(parse(b"OFF"), ("a",)) is NoNumber.MISSING
    assert value_at(parse(b'"OFF"'), ()) == "OFF"


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode), st.sampled_from(["", "a", "a[0].b"]))
def test_any_payload_gives_a_finite_number_or_a_reason(payload, path):
    number = number_at(parse(payload), parse_path(path))
    assert isinstance(number, NoNumber) or math.isfinite(number)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_what_json_says_is_what_is_read(value):
    read = parse(json.dumps(value).encode())
    assert read == value or (isinstance(value, float) and math.isclose(read, value)) or read is NoNumber.DEEP


def test_depth_up_to_the_limit_is_read():
    deep = limits.TELEMETRY_DEPTH
    assert number_at(parse(b"[" * deep + b"7" + b"]" * deep), (0,) * deep) == 7.0
