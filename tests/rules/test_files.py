"""The rules folder: what a file says, and what is said about a wrong one."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.rules import files
from coordinator.rules.expression import Payload
from coordinator.rules.files import RuleBook, watch
from coordinator.rules.table import COOLDOWN, KEYS
from devices.conditions.comparison import Comparison
from devices.conditions.latch import Timing
from devices.errors import ConfigurationError

EXAMPLES = Path(__file__).parents[2] / "examples" / "rules"


def write(folder: Path, text: str, name: str = "house.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def error_of(folder: Path, text: str) -> ConfigurationError:
    write(folder, text)
    with pytest.raises(ConfigurationError) as caught:
        RuleBook.load(folder)
    return caught.value


def test_a_table_is_a_rule_and_says_what_it_compares_and_does(tmp_path):
    write(
        tmp_path,
        """
        [hot]
        when = "hub.temperature > 75"
        for = "20s"
        clear = "hub.temperature < 65"
        cooldown = 5
        do = ["checkpoint", "migrate"]
        which = "label:batch"
        to = "hub-b"
        hubs = ["hub-a", "hub-c"]
        severity = "problem"
        """,
    )
    (rule,) = RuleBook.load(tmp_path).rules
    assert rule.name == "hot"
    assert rule.scope == "hub"
    assert rule.when.metric == "hub.temperature"
    assert rule.when.threshold == 75
    assert rule.clear is not None
    assert rule.clear.threshold == 65
    assert rule.timing == Timing(20, 5)
    assert rule.do == ("checkpoint", "migrate")
    assert (rule.which, rule.to, rule.hubs, rule.severity) == ("label:batch", "hub-b", ("hub-a", "hub-c"), "problem")
    assert rule.place == "house.toml:2"


def test_what_a_rule_leaves_out_has_a_default(tmp_path):
    write(tmp_path, '[r]\nwhen = "instance.cpu > 90"\n[s]\nwhen = "hub.cpu < 5"\ndo = "resume"')
    first, second = RuleBook.load(tmp_path).rules
    assert (first.do, first.to, first.hubs, first.severity, first.clear) == ((), "", (), "warning", None)
    assert first.timing == Timing(0, COOLDOWN)
    assert first.scope == "instance"
    assert second.which == "all"


@pytest.mark.parametrize(
    ("lines", "path"),
    [
        ('when = "payload > 21.5"', ()),
        ('when = "payload.ENERGY.Power > 21.5"', ("ENERGY", "Power")),
        ('when = "payload.switch:0.apower > 21.5"', ("switch:0", "apower")),
        ("when = 'payload.PMS5003[\"PM2.5\"] > 21.5'", ("PMS5003", "PM2.5")),
        ("when = 'payload[0].Supply Voltage > 21.5'", (0, "Supply Voltage")),
        ('value = "ENERGY.Power[1]"\nwhen = "value > 21.5"', ("ENERGY", "Power", 1)),
        ('value = "ENERGY.Power"\nwhen = "payload.Other > 21.5"', ("Other",)),
    ],
)
def test_a_rule_on_a_topic_finds_its_number_by_path(tmp_path, lines, path):
    write(tmp_path, f'[r]\ntopic = "tele/{{plug}}/SENSOR"\n{lines}')
    (rule,) = RuleBook.load(tmp_path).rules
    assert isinstance(rule.when, Payload)
    assert rule.when.path == path
    assert isinstance(rule.when.comparison, Comparison)
    assert rule.when.threshold == 21.5


def test_the_topics_of_a_book_are_those_of_its_rules_each_once(tmp_path):
    write(tmp_path, '[a]\ntopic="tele/{plug}/SENSOR"\nwhen="payload > 1"\n[b]\nwhen="hub.cpu > 1"')
    write(tmp_path, '[c]\ntopic="tele/+/SENSOR"\nwhen="payload > 1"\n[d]\ntopic="x"\nwhen="payload<1"', "more.toml")
    assert RuleBook.load(tmp_path).topics() == ["tele/+/SENSOR", "x"]


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ('[hot]\nwhen = "hub.cpu > 1"\nclera = "hub.cpu < 1"', "house.toml:3", "did you mean 'clear'?"),
        ('[hot]\nwhen = "hub.cpu > 1"\nxyz = 1', "house.toml:3", "a rule has when, for"),
        ('[hot]\nwhen = "hub.cpu > 1"\nresume = "hub.cpu < 1"', "house.toml:3", "what the rule suspends"),
        ('[hot]\nwhen = "hub.cpu > 1"\ndo = "suspend"\nresume = "instance.cpu < 1"', "house.toml:4", "use one kind"),
        ('[hot]\nwhen = "instance.cpu > 1"\ndo = "suspend"\nresume = "instance.cpu < 1"', "house.toml:4", "no metrics"),
        ('[hot]\nwhen = "hub.cpu > 1"\nmoves = "often"', "house.toml:3", "4 per hour"),
        ('[hot]\nwhen = "hub.cpu > 1"\ndo = "run"', "house.toml:3", "nothing says what"),
        ('[hot]\nwhen = "hub.cpu > 1"\nrun = "nowhere.py"', "house.toml:3", "no file 'nowhere.py'"),
        ('[hot]\nwhen = "hub.cpu > 1"\nrun = "notify"', "house.toml:3", "needs the file"),
        ('[hot]\nwhen = "hub.cpu > 1"\nrun = { flie = "x.py" }', "house.toml:3", "did you mean 'file'?"),
        ('[hot]\nwhen = "hub.cpu > 1"\npublish = "x"', "house.toml:3", "has to be a table"),
        ('[hot]\nwhen = "hub.cpu > 1"\npublish = { topic = "x" }', "house.toml:3", "needs a text"),
        ('[hot]\nwhen = "hub.cpu > 1"\npublish = { topic = "x", text = "y", qos = 2 }', "house.toml:3", "0 or 1"),
        ('[hot]\nwhen = "hub.cpu > 1"\npublish = { topic = "x", text = "${hub.cpuu}" }', "house.toml:3", "hub.cpu?"),
        ('[hot]\nwhen = "hub.cpu > 1"\npublish = { topic = "x", text = "${acted}" }', "house.toml:3", "${acted_on}?"),
        ('[ok]\nwhen="hub.cpu > 1"\n\n[hot]\nfor = "1s"', "house.toml:4", "a rule needs `when` or `silent`"),
        ('[hot]\n\nwhen = "hub.temprature > 75"', "house.toml:3", "did you mean hub.temperature?"),
        ('[hot]\nwhen = "hub.cpu > 1"\nclear = "hub.cpu <"', "house.toml:3", "neither a comparison nor CEL"),
        ('[hot]\nwhen = "hub.cpu > 75"\nclear = "hub.cpu < 80"', "house.toml:3", "leave a gap"),
        ('[hot]\nwhen = "hub.cpu > 75"\nclear = "instance.cpu < 50"', "house.toml:3", "use one kind"),
        ('[hot]\nwhen = "hub.cpu > 75"\nfor = "20"', "house.toml:3", "it has no unit"),
        ('[hot]\nwhen = "hub.cpu > 75"\nfor = "0:20"', "house.toml:3", "90s"),
        ('[hot]\nwhen = "hub.cpu > 75"\nfor = [1]', "house.toml:3", "has to be a duration"),
        ("[hot]\nwhen = 75", "house.toml:2", "has to be a text"),
        ('[hot]\nwhen = ""', "house.toml:2", "has to be a text"),
        ('[hot]\nwhen = "hub.cpu > 75"\ndo = "migrat"', "house.toml:3", "did you mean 'migrate'?"),
        ('[hot]\nwhen = "hub.cpu > 75"\ndo = 3', "house.toml:3", "a list of texts"),
        ('[hot]\nwhen = "hub.cpu > 75"\nwhich = "all"', "house.toml:3", "`which` without `do`"),
        ('[hot]\nwhen = "hub.cpu > 75"\ndo = "migrate"\nwhich = "The Biggest"', "house.toml:4", "selects nothing"),
        ('[hot]\nwhen = "hub.cpu > 75"\ndo = "resume"\nwhich = "most cpu"', "house.toml:4", "uses no cpu"),
        ('[hot]\nwhen = "instance.cpu > 75"\ndo = "migrate"\nwhich = "all"', "house.toml:4", "leave `which` out"),
        ('[hot]\nwhen = "hub.cpu > 75"\ndo = "suspend"\nto = "hub-b"', "house.toml:4", "leave it out"),
        ('[hot]\nwhen = "hub.cpu > 75"\nhubs = ["Hub A"]', "house.toml:3", "cannot be the name of a hub"),
        ('[hot]\nwhen = "hub.cpu > 75"\nseverity = "bad"', "house.toml:3", "there are info, warning, problem"),
        ('[hot]\nwhen = "hub.cpu > 75"\nseverity = ["info", "warning"]', "house.toml:3", "one severity"),
        ('[hot]\nwhen = "payload > 75"', "house.toml:2", "needs a topic"),
        ('[hot]\nvalue = "a"\nwhen = "hub.cpu > 75"', "house.toml:2", "add `topic`"),
        ('[hot]\ntopic = "a/#/b"\nwhen = "payload > 75"', "house.toml:2", "no MQTT topic filter"),
        ('[hot]\ntopic = "a"\nwhen = "hub.cpu > 75"', "house.toml:3", "write two rules"),
        ('[hot]\ntopic = "a"\nwhen = "ENERGY.Power > 75"', "house.toml:3", "did you mean payload.ENERGY.Power?"),
        ('[hot]\ntopic = "a"\nwhen = "value > 75"', "house.toml:3", "needs a path"),
        ('[hot]\ntopic = "a"\nwhen = "payload.a..b > 75"', "house.toml:3", "no path into JSON"),
        ('[hot]\ntopic = "a"\nwhen = "payload > 75"\ndo = "suspend"', "house.toml:1", "which instances"),
        ('[Hot Rule]\nwhen = "hub.cpu > 75"', "house.toml:1", "this is no TOML"),
        ('["Hot Rule"]\nwhen = "hub.cpu > 75"', "house.toml:1", "cannot be the name of a rule"),
        ('\nwhen = "hub.cpu > 75"', "house.toml:2", "stands outside of a rule"),
        ("[hot\nwhen", "house.toml:1", "this is no TOML"),
    ],
)  # fmt: skip
def test_a_wrong_file_gets_one_error_with_line_and_remedy(tmp_path, text, place, said):
    error = error_of(tmp_path, text)
    assert error.place == place
    assert said in str(error)
    assert error.remedy


words = st.sampled_from(
    [
        "hub.cpu > 5",
        "hub.cpu < 5",
        "instance.cpu > 5",
        "payload > 1",
        "value < 1",
        "migrate",
        "resume",
        "all",
        "20s",
        "a/b",
    ]
)
values = (
    words.map(json.dumps)
    | st.text(max_size=12).map(json.dumps)
    | st.integers().map(str)
    | st.sampled_from(
        ["nan", "inf", "true", "1979-05-27", "[]", "{}", "[[1]]", '["migrate", 1]', "1" + "0" * 400, "07:32:00"]
    )
    | st.lists(words, max_size=3).map(json.dumps)
)


@given(st.dictionaries(st.sampled_from(KEYS), values, max_size=6), st.sampled_from(["hot", '"Hot"', '"a b"', '""']))
def test_whatever_a_rule_says_it_is_a_rule_or_one_clear_error(tmp_path_factory, lines, name):
    folder = tmp_path_factory.mktemp("fuzz")
    write(folder, f"[{name}]\n" + "\n".join(f"{key} = {value}" for key, value in lines.items()))
    try:
        outcome = RuleBook.load(folder).rules[0].name
    except ConfigurationError as error:
        outcome = error.place or ""
    assert outcome == "hot" or outcome.startswith("house.toml")


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "a = 1" + "0" * 5000, "a.b" * 3, "\x00"])
def test_files_beyond_all_measure_are_one_clear_error(tmp_path, text):
    error = error_of(tmp_path, text)
    assert "this is no TOML" in error.message or "stands outside" in error.message


def test_two_rules_of_one_name_are_refused_with_both_places(tmp_path):
    write(tmp_path, '[hot]\nwhen = "hub.cpu > 75"', "a.toml")
    write(tmp_path, '\n[hot]\nwhen = "hub.cpu > 80"', "b.toml")
    with pytest.raises(ConfigurationError) as caught:
        RuleBook.load(tmp_path)
    assert caught.value.place == "b.toml:2"
    assert "a.toml:1" in caught.value.message


def test_a_folder_that_is_not_there_is_an_error_and_an_empty_one_is_none(tmp_path):
    assert RuleBook.load(tmp_path).rules == ()
    write(tmp_path, '[hot]\nwhen = "hub.cpu > 1"', "a.toml")
    write(tmp_path, '[cold]\nwhen = "hub.cpu < 1"', "b.toml")
    assert [rule.name for rule in RuleBook.load(tmp_path / "b.toml").rules] == ["cold"]
    with pytest.raises(ConfigurationError, match="no folder"):
        RuleBook.load(tmp_path / "rules")


def test_what_is_no_utf8_or_far_too_large_is_refused(tmp_path):
    (tmp_path / "a.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        RuleBook.load(tmp_path)
    (tmp_path / "a.toml").write_bytes(b"#" * (1 << 20) + b"#")
    with pytest.raises(ConfigurationError, match="larger"):
        RuleBook.load(tmp_path)


def test_files_of_other_kinds_and_hidden_ones_are_left_alone(tmp_path):
    write(tmp_path, "not toml", "notes.txt")
    write(tmp_path, "not toml", ".house.toml")
    assert RuleBook.load(tmp_path).rules == ()


def test_the_examples_are_in_order_and_show_every_key():
    book = RuleBook.load(EXAMPLES / "house")
    assert {rule.name for rule in book.rules} == {
        *("hot", "low-battery", "greedy", "charging", "charged", "memory-ahead", "on-battery", "door-open")
    }
    assert book.disabled == ("meter-silent",)
    text = (EXAMPLES / "house" / "house.toml").read_text()
    assert [key for key in KEYS if f"\n{key} " not in text] == []
    assert [rule.name for rule in RuleBook.load(EXAMPLES / "demo").rules] == ["hot"]


async def test_an_edited_folder_is_read_again_and_an_error_keeps_the_old_rules(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LOOK", 0.01)
    path = write(tmp_path, '[hot]\nwhen = "hub.cpu > 75"')
    came: asyncio.Queue[object] = asyncio.Queue()
    task = asyncio.create_task(watch(tmp_path, RuleBook.load(tmp_path), came.put, came.put_nowait))
    try:
        path.write_text('[hot]\nwhen = "hub.cpuu > 75"')
        error = await asyncio.wait_for(came.get(), 30)
        assert isinstance(error, ConfigurationError)
        assert error.place == "house.toml:2"
        path.write_text('[hot]\nwhen = "hub.cpu > 80"')
        book = await asyncio.wait_for(came.get(), 30)
        assert isinstance(book, RuleBook)
        assert book.rules[0].when.threshold == 80
        path.unlink()
        assert await asyncio.wait_for(came.get(), 30) == RuleBook()
        assert came.empty()
    finally:
        task.cancel()
        await asyncio.wait([task])


def test_an_edit_that_keeps_the_size_is_seen_by_its_time(tmp_path):
    path = write(tmp_path, '[hot]\nwhen = "hub.cpu > 75"')
    before = files.signature(tmp_path)
    path.write_text('[hot]\nwhen = "hub.cpu > 85"')
    os.utime(path, ns=(1, before[0][1] + 1))
    assert files.signature(tmp_path) != before


def test_a_rule_tells_and_runs_what_it_says(tmp_path):
    (tmp_path / "functions").mkdir()
    (tmp_path / "rules").mkdir()
    (tmp_path / "functions" / "notify.py").write_text("")
    write(
        tmp_path / "rules",
        """
        [low]
        topic = "ups/{host}"
        when = "payload.charge < 20"
        do = ["checkpoint", "suspend"]
        which = "all"
        resume = "payload.charge > 60"
        moves = "2 per day"
        publish = { topic = "say/${topic.host}", text = "${payload.charge} left", retain = true, qos = 0 }
        [low.run]
        file = "notify.py:ring"
        args = { text = "${why}", times = 3 }
        hub = "nas"
        """,
    )
    (rule,) = RuleBook.load(tmp_path / "rules").rules
    assert rule.do == ("checkpoint", "suspend", "run")
    assert rule.run is not None
    assert (rule.run.file, rule.run.function, rule.run.hub) == (tmp_path / "functions" / "notify.py", "ring", "nas")
    assert rule.publish is not None
    assert (rule.publish.retain, rule.publish.qos) == (True, 0)
    assert [each.name for each in rule.mentions] == ["topic.host", "payload.charge"]
    assert (str(rule.moves), rule.resume.threshold) == ("2 per day", 60)
    filled = rule.publish.text.filled({"payload.charge": 12.5}), dict(rule.run.arguments)["text"].filled({})
    assert filled == ("12.5 left", "?")
    (tmp_path / "functions").rename(tmp_path / "elsewhere")
    book = RuleBook.load(tmp_path / "rules", tmp_path / "elsewhere")
    assert book.rules[0].run.file == tmp_path / "elsewhere" / "notify.py"
    assert book.functions == tmp_path / "elsewhere"
