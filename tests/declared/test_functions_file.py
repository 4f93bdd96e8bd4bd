"""`functions.toml`: what people write, and what they write by mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordinator.declared.file import load
from devices.errors import ConfigurationError, SourceError

USUAL = """\
# what runs always
washer.file = "washer.py"     # the name is the instance id
dryer = { file = "washer.py:washer", args = { plug = "dryer", running = 20.0 }, hub = "nas" }

[boiler]
file = "heating/boiler.py"
checkpoint = "10s"
failover = "auto"
needs = { labels = ["mains"], memory = "50MB" }
priority = 5
[boiler.args]
rooms = ["bath", "kitchen"]
"""


def test_functions_are_read_in_every_way_in_which_toml_writes_a_table(tmp_path):
    (tmp_path / "functions.toml").write_text(USUAL)
    (tmp_path / "washer.py").write_text("import helper\n")
    (tmp_path / "helper.py").write_text("")
    washer, dryer, boiler = load(tmp_path)
    assert (washer.name, washer.function, washer.arguments, washer.hub) == ("washer", "", {}, "")
    assert washer.source().files.keys() == {"washer.py", "helper.py"}
    assert (dryer.function, dryer.hub, dryer.place) == ("washer", "nas", "functions.toml:3")
    assert dryer.arguments == {"plug": "dryer", "running": 20.0}
    assert boiler.path == tmp_path / "heating/boiler.py"
    assert boiler.settings == {
        "checkpoint": "10s",
        "failover": "auto",
        "needs": {"labels": ["mains"], "memory": "50MB"},
        "priority": 5,
    }
    assert boiler.arguments == {"rooms": ["bath", "kitchen"]}
    with pytest.raises(SourceError, match="there is no file"):
        boiler.source()


@pytest.mark.parametrize(
    ("text", "place", "says", "remedy"),
    [
        ("a.fiel = 'a.py'", ":1", "there is no key 'fiel'", "did you mean 'file'?"),
        ("\n[a]\nfile = 'a.py'\nchekpoint = '3s'", ":4", "there is no key 'chekpoint'", "did you mean 'checkpoint'?"),
        ("a.file = 'a.py'\na.checkpoint = 'often'", ":2", "checkpoint='often' is no duration", "30s"),
        ("a = { file = 'a.py', needs = { memry = 3 } }", ":1", "'memry' is no need", "did you mean 'memory'?"),
        ("a.file = 'a.py'\na.durability = 'spool'\na.failover = 'auto'", ":1", "contradict each other", "never"),
        ("[a]\nhub = 'nas'", ":1", "there is no `file`", 'write a.file = "a.py"'),
        ("a = 'a.py'", ":1", "'a' has no table", 'write a.file = "a.py"'),
        ("[[a]]\nfile = 'a.py'", "", "'a' has no table", "a.file"),
        ("A.file = 'a.py'", ":1", "'A' cannot be the name", "lower-case"),
        ('"a~2".file = "a.py"', ":1", "the name of a branch", "leave '~'"),
        ("a.file = 'a.txt'", ":1", "names no function's file", "washer.py:washer"),
        ('a.file = "a\\u0000.py"', ":1", "names no function's file", "washer.py:washer"),
        ("a.file = 'a.py:b.c'", ":1", "names no function's file", "washer.py:washer"),
        ("a.file = '/etc/a.py'", ":1", "outside of the folder", "functions.toml"),
        ("a.file = '../a.py'", ":1", "outside of the folder", "functions.toml"),
        ("a.file = ''", ":1", "not empty", "file ="),
        ("a.file = 3", ":1", "a text", "file ="),
        ("a.file = 'a.py'\na.hub = 'The NAS'", ":2", "'The NAS' cannot be the name of a hub", "lower-case"),
        ("a.file = 'a.py'\na.args = 'x'", ":2", "`args` has to be a table", "args ="),
        ("a.file = 'a.py'\na.args.start = 07:00:00", ":2", "start is a date or time", "text"),
        ("a.file = 'a.py'\na.args.x = [1, nan]", ":2", "no finite number", "text"),
        ("a.file = 'a.py'\na.args.x = 9999999999999999999", ":2", "larger than 64 bits", "text"),
        ("a.file = 'a.py'\na.args.x = [[[[[[[[[[1]]]]]]]]]]", ":2", "nested too deep", "text"),
        ("a.file = 'a.py'\na.file = 'b.py'", ":2", "this is no TOML", "toml.io"),
        ("a.file = \xff", "", "is not UTF-8", "UTF-8"),
        ("x = " + "[" * 5000, "", "no TOML", "toml.io"),
    ],
)
def test_what_cannot_be_is_refused_as_a_whole_with_its_line_and_the_nearest_word(tmp_path, text, place, says, remedy):
    (tmp_path / "functions.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path)
    assert (caught.value.place or "").startswith(f"functions.toml{place}"), caught.value
    assert says in caught.value.message
    assert remedy in (caught.value.remedy or "")


def test_a_source_that_cannot_even_be_looked_for_is_an_error_like_any_other(tmp_path):
    (tmp_path / "functions.toml").write_text(f"a.file = '{'a' * 300}.py'\n")
    (declared,) = load(tmp_path)
    with pytest.raises(SourceError, match="it cannot be read: File name too long"):
        declared.source()


def test_a_folder_without_the_file_says_how_to_begin(tmp_path):
    with pytest.raises(ConfigurationError, match=r"there is no functions\.toml") as caught:
        load(tmp_path)
    assert "washer.file" in (caught.value.remedy or "")


def test_the_file_in_the_documentation_can_be_read(tmp_path):
    page = (Path(__file__).parents[2] / "docs/running.md").read_text()
    (tmp_path / "functions.toml").write_text(page.partition("```toml\n")[2].partition("```")[0])
    assert [each.name for each in load(tmp_path)] == ["washer", "dryer", "boiler"]
