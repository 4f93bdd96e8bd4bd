"""`coordinator.toml`."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordinator.config import KNOWN, read_config
from coordinator.retention import Retention
from devices.errors import ConfigurationError
from devices.runtime.settings import Settings

FILE = """\
site     = "cabin"
timezone = "Europe/Berlin"
[broker]
url           = "mqtts://mqtt.lan"
user          = "midstream-coordinator"
password_file = "{folder}/password"
[store]
url = "sqlite:////var/lib/midstream/home.sqlite"
[retention]
last = 5
size = "200MB"
[folders]
rules = "/etc/midstream/rules"
[defaults]
checkpoint = "1m or 20 messages"
catch_up   = "skip"
failover   = "wait 10m"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "coordinator.toml"
    path.write_text(text)
    return path


def test_a_file_says_it_all(tmp_path):
    (tmp_path / "password").write_text("secret\n")
    config = read_config(write(tmp_path, FILE.format(folder=tmp_path)), {}, {})
    assert (config.site, config.timezone) == ("cabin", "Europe/Berlin")
    assert (config.broker.host, config.broker.port, config.broker.tls) == ("mqtt.lan", 8883, True)
    assert (config.broker.user, config.broker.password) == ("midstream-coordinator", "secret")
    assert config.store == "sqlite:////var/lib/midstream/home.sqlite"
    assert config.rules == Path("/etc/midstream/rules")
    defaults = Settings(checkpoint=60.0, checkpoint_messages=20, catch_up="skip", failover="wait 10m")
    assert config.defaults == defaults
    assert config.retention == Retention(last=5, days=30, size=200_000_000)


def test_nothing_is_needed_and_the_store_lies_in_the_folder(tmp_path):
    config = read_config(None, {}, {"folder": str(tmp_path)})
    assert config.store == f"sqlite:///{tmp_path}/store.sqlite"
    assert config.broker.place == "localhost:1883"
    assert config.rules is None


def test_the_environment_outweighs_the_file_and_options_outweigh_both(tmp_path):
    path = write(tmp_path, 'site = "file"\n[broker]\nurl = "mqtt://file"\n')
    environment = {"MIDSTREAM_BROKER": "mqtt://shared", "MIDSTREAM_COORDINATOR_SITE": "environment"}
    config = read_config(path, environment, {"broker.url": "mqtt://option"})
    assert (config.site, config.broker.host) == ("environment", "option")
    assert read_config(path, environment, {}).broker.host == "shared"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sight = 'home'", r"coordinator.toml:1.*'sight'(?s:.*)'site'"),
        ("[store]\nulr = 'x'", r"coordinator.toml:2.*'ulr' in \[store\](?s:.*)'url'"),
        ("timezone = 'Europe/Berlim'", "no time zone 'Europe/Berlim'"),
        ("timezone = '../../etc/passwd'", "no time zone"),
        ("[retention]\nlast = 1", "retention.last: 1 cannot be(?s:.*)at least 2"),
        ("[retention]\nsize = 'much'", "retention.size: 'much' is no size"),
        ("[broker]\npassword_file = '/nowhere'", "password cannot be read"),
        ("[defaults]\ncatch_up = 'late'", "defaults: catch_up='late' cannot be"),
        ("[defaults]\ndurability = 'spool'\nfailover = 'auto'", "defaults: .* contradict each other"),
        ("[defaults]\ncatchup = 'run'", r"'catchup' in \[defaults\](?s:.*)'catch_up'"),
        ("site = [", "not TOML"),
    ],
)
def test_a_mistake_is_one_clear_error(tmp_path, text, says):
    with pytest.raises(ConfigurationError, match=says):
        read_config(write(tmp_path, text), {}, {})


def test_the_topics_of_devices_are_those_of_known_firmware_or_what_the_file_names(tmp_path):
    assert read_config(None, {}, {}).devices == (KNOWN,)
    named = write(tmp_path, '[devices]\ntopics = ["known", "garden/{bed}/#"]')
    assert read_config(named, {}, {}).devices == ("known", "garden/+/#")
    assert read_config(None, {"MIDSTREAM_COORDINATOR_DEVICES_TOPICS": "a/#, b"}, {}).devices == ("a/#", "b")
    with pytest.raises(ConfigurationError) as caught:
        read_config(write(tmp_path, '[devices]\ntopics = ["a/#/b"]'), {}, {})
    assert "devices.topics" in caught.value.place
