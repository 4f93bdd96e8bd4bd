"""What `@function` says, read without running the file."""

from __future__ import annotations

import textwrap

import pytest

from devices.errors import ProtocolError, SourceError, UsageError
from devices.runtime.function import check_arguments, choose, function, read_functions
from devices.runtime.settings import Settings
from devices.runtime.source import Source


def source(text: str) -> Source:
    return Source("washer", {"washer.py": textwrap.dedent(text)})


def only(text: str):
    return choose(read_functions(source(text)), None)


WASHER = """
    from midstream import function, ctx

    print("never run" + 1)

    @function(checkpoint="1m", failover="auto", needs={"labels": "big", "memory": "300MB"}, priority=-10, labels="batch")
    def washer(plug: str = "washer", running: float = 10.0, *, limit=6, on: bool = False, names: "list[str]" = LATER):
        '''Say when the wash is done.

        And nag.
        '''
        def yields(): yield 1
"""


def test_name_docstring_parameters_settings_and_line_are_read_without_running_anything():
    washer = only(WASHER)
    assert (washer.name, washer.place) == ("washer", "washer.py:7")
    assert washer.docstring == "Say when the wash is done.\n\nAnd nag."
    assert [(p.name, p.type, p.default) for p in washer.parameters] == [
        ("plug", "str", "'washer'"),
        ("running", "float", "10.0"),
        ("limit", "int", "6"),
        ("on", "bool", "False"),
        ("names", "list[str]", "LATER"),
    ]
    assert washer.settings.checkpoint == 60.0
    assert washer.settings.needs.memory == 300_000_000
    assert washer.settings.needs.labels == ["big"]
    assert washer.settings.labels == ["batch"]


@pytest.mark.parametrize(
    "text",
    [
        "from midstream import function\n@function\ndef f(): pass",
        "from midstream import function as f_\n@f_()\ndef f(): pass",
        "import midstream\n@midstream.function\ndef f(): pass",
        "import midstream as m\n@m.function(priority=1)\ndef f(): pass",
        "if True:\n    from midstream import function\n@function\ndef f(): pass",
    ],
)
def test_every_spelling_of_the_decorator_is_found(text):
    assert only(text).name == "f"


@pytest.mark.parametrize(
    "text", ["def f(): pass", "from other import function\n@function\ndef f(): pass", "", "@function\ndef f(): pass"]
)
def test_a_file_without_a_function_says_how_to_write_one(text):
    with pytest.raises(SourceError) as caught:
        only(text)
    assert "from midstream import function, ctx" in str(caught.value)


def test_one_of_several_is_chosen_by_name():
    two = read_functions(source("from midstream import function\n@function\ndef a(): ...\n@function\ndef b(): ..."))
    assert choose(two, "b").name == "b"
    for name in (None, "c"):
        with pytest.raises(SourceError, match="a, b"):
            choose(two, name, "washer.py")


@pytest.mark.parametrize(
    ("settings", "message", "remedy"),
    [
        ('chekpoint="30s"', "'chekpoint' is no setting", "'checkpoint'"),
        ("each='5m'", "'each' is no setting", "there are"),
        ('checkpoint="01:00"', "checkpoint='01:00' is no duration", "90s"),
        ("checkpoint=True", "checkpoint=True is no duration", ""),
        ("checkpoint=None", "checkpoint=None is no duration", ""),
        ("checkpoint=0", "too often", ""),
        ('checkpoint="0 messages"', "is no duration", "20 messages"),
        ('checkpoint="1m or soon"', "'soon' is no duration", "20 messages"),
        ("checkpoint_messages=3", "is no setting", "'checkpoint'"),
        ("checkpoint=PERIOD", "no literal", "write the value"),
        ("**settings", "cannot be read", ""),
        ('"30s"', "by name only", "checkpoint="),
        ('durability="disk"', "durability='disk' cannot be", '"coordinator" or "spool"'),
        ('durability="spool", failover="auto"', "contradict", "never"),
        ('durability="spool", failover="wait 2m"', "contradict", "never"),
        ('failover="later"', "failover='later' cannot be", "wait 2m"),
        ('failover="wait long"', "is no duration", ""),
        ('catch_up="late"', "catch_up='late' cannot be", '"run" or "skip" or "continue"'),
        ('needs=["big"]', "is no dict", "labels"),
        ('needs={"label": "big"}', "'label' is no need", "'labels'"),
        ('needs={"memory": "much"}', "is no size", "300MB"),
        ('needs={"packages": [1]}', "is no list of texts", ""),
        ('needs={"cpu": "half"}', "is no number of cores", '{"cpu": 0.5}'),
        ('needs={"cpu": -1}', "is no number of cores", ""),
        ("priority=101", "priority=101", ""),
        ("priority=True", "priority=True", ""),
        ("labels=1", "labels=1 is no list of texts", 'labels=["batch"]'),
        ('labels=["batch", ""]', "is no list of texts", ""),
    ],
)
def test_a_setting_that_cannot_be_is_refused_with_file_and_line(settings, message, remedy):
    with pytest.raises(SourceError) as caught:
        only(f"from midstream import function\n@function({settings})\ndef f(): pass")
    assert caught.value.place == "washer.py:2"
    assert message in caught.value.message
    assert remedy in (caught.value.remedy or "")


def test_needs_say_only_what_is_needed_so_that_older_hubs_read_them():
    one = only('from midstream import function\n@function(needs={"cpu": 0.5, "device": "/dev/ttyUSB0"})\ndef f(): pass')
    assert one.settings.to_plain()["needs"] == {"cpu": 0.5, "device": ["/dev/ttyUSB0"]}
    assert Settings.from_plain(one.settings.to_plain()) == one.settings


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ("async def f(): pass", "async"),
        ("class F: pass", "class"),
        ("def f(): yield 1", "generator"),
        ("def f(*names): pass", "'names'"),
        ("def f(**names): pass", "'names'"),
        ("def f(a, /): pass", "positional-only"),
        ("@other\ndef f(): pass", "another decorator"),
        ("def f(: pass", "washer.py:3"),
        ("def f(): pass\n@function\ndef f(): pass", "twice"),
    ],
)
def test_what_cannot_be_a_function_is_refused_with_the_reason(definition, message):
    with pytest.raises(SourceError, match=message) as caught:
        only(f"from midstream import function\n@function\n{definition}")
    assert (caught.value.place or "").startswith("washer.py:")


@pytest.mark.parametrize(
    ("said", "seconds", "messages"),
    [("1m", 60.0, 0), ("20 messages", 30.0, 20), ("1m or 1 message", 60.0, 1), ("20 messages or 2s", 2.0, 20)],
)
def test_a_checkpoint_is_due_by_time_by_messages_or_by_either(said, seconds, messages):
    settings = only(f"from midstream import function\n@function(checkpoint='{said}')\ndef f(): pass").settings
    assert (settings.checkpoint, settings.checkpoint_messages) == (seconds, messages)


@pytest.mark.parametrize(
    ("said", "durability", "failover", "catch_up"),
    [
        ("", "spool", "never", "skip"),
        ('(catch_up="run")', "spool", "never", "run"),
        ('(failover="auto")', "coordinator", "auto", "skip"),
        ('(durability="coordinator")', "coordinator", "never", "skip"),
    ],
)
def test_defaults_are_for_what_a_function_does_not_say(said, durability, failover, catch_up):
    defaults = Settings(durability="spool", failover="never", catch_up="skip")
    text = f"from midstream import function\n@function{said}\ndef f(): pass"
    settings = choose(read_functions(source(text), defaults), None).settings
    assert (settings.durability, settings.failover, settings.catch_up) == (durability, failover, catch_up)


def test_no_failover_goes_with_the_spool_without_being_asked():
    assert (
        only('from midstream import function\n@function(durability="spool")\ndef f(): pass').settings.failover
        == "never"
    )


@pytest.mark.parametrize(
    ("failover", "seconds"), [("auto", 0.0), ("never", None), ("wait 2m", 120.0), ("wait 1h", 3600.0)]
)
def test_failover_says_after_how_many_seconds(failover, seconds):
    assert Settings(failover=failover).failover_after == seconds


def test_settings_travel_as_plain_data_and_a_newer_setting_is_left_out():
    settings = only(WASHER).settings
    assert Settings.from_plain({**settings.to_plain(), "from_the_future": 1}) == settings
    with pytest.raises(ProtocolError):
        Settings.from_plain({"priority": "high"})


def test_the_decorator_returns_the_function_itself():
    def body(): ...

    assert function(body) is body
    assert function(checkpoint="1s")(body) is body


@pytest.mark.parametrize(
    ("annotation", "given", "value"),
    [
        ("str", "12", "12"),
        ("int", "12", 12),
        ("int", 12, 12),
        ("float", "12", 12.0),
        ("float", 12, 12.0),
        ("bool", "true", True),
        ("bool", "0", False),
        ("list", '["a", 1]', ["a", 1]),
        ("list[int]", "[1, 2]", [1, 2]),
        ("dict[str, float]", '{"a": 1}', {"a": 1.0}),
        ("int | None", "null", None),
        ("Optional[int]", "5", 5),
        ("Literal['a', 'b']", "b", "b"),
        ("Path", "/tmp", "/tmp"),
        ("", "text", "text"),
        ("str | None", "x", "x"),
    ],
)
def test_an_argument_becomes_what_its_parameter_says(annotation, given, value):
    typed = f": {annotation}" if annotation else ""
    declaration = only(f"from midstream import function\n@function\ndef f(a{typed}): pass")
    assert check_arguments(declaration, {"a": given}) == {"a": value}
    assert type(check_arguments(declaration, {"a": given})["a"]) is type(value)


@pytest.mark.parametrize(
    ("annotation", "given"),
    [
        ("int", "12.5"), ("int", "twelve"), ("int", True), ("float", "nan"), ("float", "1,5"), ("bool", "maybe"),
        ("list", "[1,"), ("list[int]", '["a"]'), ("dict", "[]"), ("str", 12), ("Literal['a']", "b"), ("int", "[" * 9999),
        ("float", "inf"),
    ],
)  # fmt: skip
def test_an_argument_of_another_type_gives_one_clear_error(annotation, given):
    declaration = only(f"from midstream import function\n@function\ndef f(a: {annotation}): pass")
    with pytest.raises(UsageError, match=r"^washer.py:3: a="):
        check_arguments(declaration, {"a": given})


def test_unknown_and_missing_arguments_are_named():
    declaration = only("from midstream import function\n@function\ndef f(plug: str, watts=1.0): pass")
    with pytest.raises(UsageError, match="'plug'"):
        check_arguments(declaration, {})
    with pytest.raises(UsageError, match="did you mean 'watts'"):
        check_arguments(declaration, {"plug": "a", "wats": "1"})
    assert check_arguments(declaration, {"plug": "a"}) == {"plug": "a"}
