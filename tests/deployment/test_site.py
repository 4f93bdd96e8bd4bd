"""A site file is read strictly: what cannot be is an error with its line and a remedy."""

from __future__ import annotations

import pytest

from coordinator.deployment.plan import Wish
from coordinator.deployment.site import Resource, read_site
from devices.errors import ConfigurationError

GOOD = """\
[resources]
thresholds = { text = "low = 10" }
pages      = { folder = "pages" }
camera     = { device = "/dev/video0" }
snapshots  = { volume = "2GB", travels = true }

[tasks.camera]
role  = "recorder"
read  = ["camera"]
write = ["snapshots"]

[tasks.counter]
read = ["snapshots", "thresholds"]
"""


@pytest.fixture
def site(tmp_path):
    def read(text):
        (tmp_path / "site.toml").write_text(text)
        return read_site(tmp_path / "site.toml")

    return read


def test_a_site_file_says_what_there_is_and_who_may_touch_it(site, tmp_path):
    found = site(GOOD)
    assert found.folder == tmp_path
    assert found.resources["snapshots"] == Resource("volume", 2_000_000_000, travels=True)
    assert found.resources["camera"] == Resource("device", "/dev/video0")
    assert found.wishes == {
        "camera": Wish("recorder", frozenset(["camera"]), frozenset(["snapshots"])),
        "counter": Wish("counter", frozenset(["snapshots", "thresholds"])),
    }
    assert site("").resources == {}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[resource]\n", 1, "did you mean 'resources'?"),
        ("resources = 3\n", 1, "resources is a table"),
        ("[resources]\na = {}\n", 2, "'a' says nothing"),
        ('[resources]\na = { text = "", file = "b" }\n', 2, "says text and file"),
        ('[resources]\na = { fold = "b" }\n', 2, "did you mean 'folder'?"),
        ("[resources]\na = { text = 1 }\n", 2, "Expected `str"),
        ('[resources]\na = { volume = "much" }\n', 2, "is no size"),
        ('[resources]\na = { volume = "0" }\n', 2, "can hold nothing"),
        ('[resources]\na = { text = "", travels = true }\n', 2, "is no volume"),
        ('[resources]\na = { file = "" }\n', 2, "names no file"),
        ('[resources]\na = { device = "/etc/shadow" }\n', 2, "is no device's path"),
        ('[resources]\na = { device = "/dev/../etc/shadow" }\n', 2, "is no device's path"),
        ('[resources]\na = { device = "/dev" }\n', 2, "is no device's path"),
        ('[resources]\n"/a" = { text = "" }\n', 2, "cannot be the name of a resource"),
        ('[resources]\n"" = { text = "" }\n', 2, "cannot be the name of a resource"),
        ('[resources]\n"ü" = { text = "" }\n', 2, "cannot be the name of a resource"),
        ('[resources]\na = { text = "" }\nA = { text = "" }\n', 3, "differ by case alone"),
        ('[tasks."x y"]\n', 1, "cannot be the name of a task"),
        ('[tasks.x]\nrole = "a/b"\n', 2, "cannot be the name of a role"),
        ('[tasks.x]\nread = "a"\n', 2, "Expected `array"),
        ("[tasks.x]\nread = [1]\n", 2, "Expected `str"),
        ('[resources]\nlogs = { text = "" }\n[tasks.x]\nwrite = ["log"]\n', 4, "did you mean 'logs'?"),
        ('[resources]\na = { text = "" }\n[tasks.x]\nread = ["a", "a"]\n', 4, "twice"),
        ("[tasks\n", None, "this is not TOML"),
        ("x = " + "[" * 5000, None, "this is not TOML"),
        ("x = " + "1" * 5000, None, "this is not TOML"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_line(site, tmp_path, text, line, words):
    with pytest.raises(ConfigurationError) as caught:
        site(text)
    assert caught.value.place == str(tmp_path / "site.toml") + (f":{line}" if line else "")
    assert words in str(caught.value)


def test_a_file_that_is_none_is_refused_with_a_sentence(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_site(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        read_site(tmp_path / "latin.toml")
