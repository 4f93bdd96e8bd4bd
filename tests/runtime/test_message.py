"""What a function reads out of a message."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from devices.errors import UsageError
from devices.runtime.message import Message

AT = datetime(2026, 1, 2, tzinfo=UTC)
SENSOR = Message("tele/plug/SENSOR", b'{"ENERGY":{"Power":12,"Phase":["1.5","x"],"On":true,"Odd":null}}', AT)


@pytest.mark.parametrize(
    ("path", "number"), [("ENERGY.Power", 12.0), ("ENERGY.Phase[0]", 1.5), ('["ENERGY"].Power', 12.0)]
)
def test_a_number_stands_at_a_path(path, number):
    assert SENSOR.number(path) == number


@pytest.mark.parametrize("path", ["ENERGY.On", "ENERGY.Odd", "ENERGY", "ENERGY.Phase[1]", "ENERGY.Phase[7]", "nowhere"])
def test_what_is_no_number_gives_the_default_or_an_error_that_names_topic_and_path(path):
    assert SENSOR.number(path, default=None) is None
    assert SENSOR.number(path, 7) == 7
    with pytest.raises(ValueError, match=r"tele/plug/SENSOR") as caught:
        SENSOR.number(path)
    assert path in str(caught.value)


@pytest.mark.parametrize("payload", [b"12,5", b"1_000", b"nan", b"Infinity", b"true", b"", b"\xff", b"[" * 100_000])
def test_a_plain_payload_that_is_no_number_is_none(payload):
    message = Message("t", payload, AT)
    assert message.number(default=None) is None
    with pytest.raises(ValueError, match=r"^t: "):
        message.number()


def test_a_path_that_is_none_is_refused_whatever_the_payload():
    with pytest.raises(UsageError):
        SENSOR.number("a..b", default=0)


def test_value_gives_any_json_or_the_default():
    assert SENSOR.value("ENERGY.On") is True
    assert SENSOR.value("ENERGY.Phase") == ["1.5", "x"]
    assert SENSOR.value("ENERGY.Nothing", "none") == "none"
    assert Message("t", b"ON", AT).value() == "ON"
    assert Message("t", b'{"broken', AT).value("a") is None


def test_json_is_the_whole_payload_and_says_why_there_is_none():
    assert Message("t", b"[1, 2]", AT).json == [1, 2]
    assert Message("t", b"null", AT).json is None
    with pytest.raises(ValueError, match=r"^t: .*JSON"):
        _ = Message("t", b'{"a":nan}', AT).json


def test_changing_what_a_message_gave_changes_no_other_reading():
    message = Message("t", b'{"a":[1]}', AT)
    message.json["a"].append(2)
    message.value("a").append(3)
    assert message.value("a") == [1]
    assert message.number("a[0]") == 1.0


def test_text_never_fails():
    assert Message("t", b"\xff21", AT).text == "\N{REPLACEMENT CHARACTER}21"
