"""Settings come from a file, the environment and the command line, and nothing unknown is swallowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices.config import line_of
from devices.errors import ConfigurationError, UsageError
from devices.hub.config import read_config

FULL = """\
name   = "nas"
labels = ["mains", "big"]
cost = 0.12
[broker]
url           = "mqtt://mqtt.lan:1884"
user          = "midstream-hub-nas"
password_file = "{password}"
[spool]
path = "/volume1/midstream"   # not the SD card
[metrics]
every = "1s"
temperature = "/sys/class/thermal/thermal_zone0/temp"
[limits]
stop = "20s"
shutdown = "80s"
memory = "2GB"
cpu = 2.0
[data]
photos = {{ path = "/volume1/photos", access = "r" }}
films = "/volume1/films"
[devices]
zigbee = "/dev/serial/by-id/usb-dongle"
[permissions]
target = "/volume1/permissions"
ids = "70000-70099"
"""


@pytest.fixture
def full(tmp_path: Path) -> Path:
    (tmp_path / "password").write_text("secret\n")
    file = tmp_path / "hub.toml"
    file.write_text(FULL.format(password=tmp_path / "password"))
    return file


def test_a_file_says_everything(full: Path):
    config = read_config(full, {}, {})
    assert (config.name, config.labels, config.metrics_every) == ("nas", ["mains", "big"], 1.0)
    assert (config.broker.host, config.broker.port) == ("mqtt.lan", 1884)
    assert (config.broker.user, config.broker.password) == ("midstream-hub-nas", "secret")
    assert config.spool == Path("/volume1/midstream")
    assert (config.stop_within, config.shutdown_within) == (20.0, 80.0)
    assert (config.functions_memory, config.functions_cpu, config.cost) == (2 * 10**9, 2.0, 0.12)
    assert config.data == {"photos": (Path("/volume1/photos"), "r"), "films": (Path("/volume1/films"), "r")}
    assert config.devices == {"zigbee": Path("/dev/serial/by-id/usb-dongle")}
    assert config.permissions_target == Path("/volume1/permissions")
    assert config.permissions_ids == (70000, 70099)
    assert config.temperature == Path("/sys/class/thermal/thermal_zone0/temp")


def test_the_environment_weighs_more_than_the_file_and_the_command_line_most(full: Path):
    environment = {"MIDSTREAM_HUB_NAME": "pi", "MIDSTREAM_HUB_LABELS": "attic, solar", "MIDSTREAM_BROKER": "mqtt://a"}
    config = read_config(full, environment, {"name": "nuc", "broker.url": None})
    assert (config.name, config.labels, config.broker.host) == ("nuc", ["attic", "solar"], "a")


def test_a_settings_own_name_in_the_environment_weighs_more_than_the_shared_one():
    environment = {"MIDSTREAM_HUB_BROKER_URL": "mqtt://own", "MIDSTREAM_BROKER": "mqtt://shared"}
    assert read_config(None, environment, {"name": "pi"}).broker.host == "own"


@pytest.mark.parametrize("value", ["[" * 5000, "1" * 5000])
def test_what_is_beyond_pythons_limits_is_refused_in_words(tmp_path: Path, value: str):
    (tmp_path / "hub.toml").write_text(f"name = {value}")
    with pytest.raises(ConfigurationError, match="this is not TOML"):
        read_config(tmp_path / "hub.toml", {}, {})


def test_without_anything_a_hub_has_the_machines_name():
    assert read_config(None, {}, {}).name


def test_all_of_a_hub_is_in_its_folder_unless_it_is_told_otherwise(tmp_path: Path):
    config = read_config(None, {}, {"folder": str(tmp_path / "nas")})
    assert (config.spool, config.permissions_target) == (tmp_path / "nas/spool", tmp_path / "nas/permissions")


@pytest.mark.parametrize(
    ("text", "line", "remedy"),
    [
        ('nmae = "nas"\n', 1, "did you mean 'name'?"),
        ('name = "nas"\n\n[broker]\nuser = "u"\npasword_file = "x"\n', 5, "did you mean 'password_file'?"),
        ('name = "nas"\n[sppol]\npath = "x"\n', 2, "did you mean 'spool'?"),
        ('name = "nas"\nmetrics.evry = "1s"\n', 2, "did you mean 'every'?"),
        ('metrics = { every = "1s", xyz = 1 }\n', 1, "there are: battery, every, mains, temperature"),
    ],
)
def test_an_unknown_name_is_refused_with_its_line_and_the_nearest_valid_one(
    tmp_path: Path, text: str, line: int, remedy: str
):
    file = tmp_path / "hub.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        read_config(file, {}, {})
    assert refused.value.place == f"{file}:{line}"
    assert refused.value.remedy == remedy


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("name = 5x\n", 1, "not TOML"),
        ('labels = "mains"\n', 1, "labels: Expected `array`"),
        ("\n[broker]\nurl = []\n", 3, "broker.url: Expected `str`"),
        ('[data]\nphotos = { path = "/p", access = "x" }\n', 1, "Invalid enum value 'x'"),
    ],
)
def test_a_wrong_value_is_refused_with_its_line(tmp_path: Path, text: str, line: int, said: str):
    file = tmp_path / "hub.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=said) as refused:
        read_config(file, {}, {})
    assert refused.value.place == f"{file}:{line}"


def test_an_unknown_variable_is_refused_with_the_nearest_valid_one():
    with pytest.raises(ConfigurationError, match="MIDSTREAM_HUB_SPOLL_PATH") as refused:
        read_config(None, {"MIDSTREAM_HUB_SPOLL_PATH": "/x"}, {})
    assert refused.value.remedy == "did you mean 'MIDSTREAM_HUB_SPOOL_PATH'?"


def test_a_missing_file_and_an_impossible_name_are_users_mistakes(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_config(tmp_path / "none.toml", {}, {})
    with pytest.raises(UsageError, match="cannot be the name of a hub"):
        read_config(None, {}, {"name": "My Hub"})


def test_lines_are_found_behind_comments_quotes_and_dotted_tables():
    text = '# name = 1\n["a"."b"]\n  "c" = 1\n[a.d]\ne.f = 2\n'
    assert line_of(("a", "b", "c"), text) == 3
    assert line_of(("a", "d"), text) == 4
    assert line_of(("a", "d", "e", "f"), text) == 5
    assert line_of(("z",), text) is None
