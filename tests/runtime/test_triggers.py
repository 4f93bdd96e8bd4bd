"""What `@function` says of its trigger: read without running the file, and refused with file and line."""

from __future__ import annotations

import pytest

from devices.errors import SourceError, UsageError
from devices.runtime.declaration import FunctionDeclaration, check_arguments
from devices.runtime.function import choose, read_functions
from devices.runtime.settings import Settings, read_settings
from devices.runtime.source import Source


def declared(said: str, parameters: str = "message, level: int = 3") -> FunctionDeclaration:
    text = f"from midstream import function\n\n@function({said})\ndef lights({parameters}): pass\n"
    return choose(read_functions(Source("lights", {"lights.py": text})), None)


def test_each_trigger_is_read_in_units():
    lights = declared('on=["a/{room}/b", "c/#"], mode="parallel", limit=4').settings
    assert (lights.on, lights.mode, lights.limit, lights.has_trigger) == (["a/{room}/b", "c/#"], "parallel", 4, True)
    assert declared('on="a", mode="single"').settings.on == ["a"]
    assert declared('every="15m"').settings.every == 900.0
    assert declared('at=["07:00", "19:30", "07:00"]').settings.at == ["07:00", "19:30"]
    assert declared('cron="*/5 * * * 1-5"').settings.cron == "*/5 * * * 1-5"
    assert (Settings().mode, Settings().has_trigger) == ("queued", False)
    assert Settings.from_plain(lights.to_plain()) == lights


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('on="a/#/b"', "no MQTT topic filter"),
        ('on="{a}/{a}"', "two segments that are named 'a'"),
        ("on=[]", "no list of texts"),
        ("on=3", "no list of texts"),
        ('every="1:30"', "no duration"),
        ("every=0", "too often"),
        ("every=None", "no duration"),
        ('at="24:00"', "no time of day"),
        ('at="sunset-30m"', "where the sun stands is not known"),
        ('cron="61 * * * *"', "bad minute"),
        ('cron="* * *"', "wrong number of fields"),
        ('cron="0 0 30 2 *"', "cron="),
        ("cron=5", "no text"),
        ('every="1m", at="07:00"', "every= and at= stand together"),
        ('on="a", cron="* * * * *"', "on= and cron= stand together"),
        ('mode="single"', "nothing starts any"),
        ("limit=2", "nothing starts any"),
        ('on="a", mode="replace"', "mode='replace' cannot be"),
        ('on="a", mode="parallel", limit=0', "no whole number from 1"),
        ('on="a", mode="single", limit=2', "has no meaning"),
    ],
)
def test_what_can_be_no_trigger_is_refused_at_its_line(said, words):
    with pytest.raises(SourceError) as refused:
        declared(said)
    assert words in refused.value.message
    assert refused.value.place == "lights.py:3"


def test_a_function_on_messages_has_a_parameter_for_them():
    with pytest.raises(SourceError, match="the first one is the message") as refused:
        declared('on="a"', "*, level=3")
    assert refused.value.place == "lights.py:4"


def test_what_is_declared_of_a_function_weighs_more_than_what_it_says_itself():
    lights = declared('every="15m", mode="single"').settings
    assert read_settings({"mode": "queued"}, "functions.toml", lights).mode == "queued"
    at_seven = read_settings({"at": "07:00"}, "functions.toml", lights)
    assert (at_seven.at, at_seven.every, at_seven.mode) == (["07:00"], 0.0, "single")


def test_the_message_is_no_argument_that_somebody_gives():
    lights = declared('on="a"')
    assert lights.message == "message"
    assert check_arguments(lights, {"level": "5"}) == {"level": 5}
    with pytest.raises(UsageError, match="is the message that starts a run"):
        check_arguments(lights, {"message": "x"})
    assert declared('every="1m"', "level: int = 3").message == ""
