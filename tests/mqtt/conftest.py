"""A Mosquitto with users and access lists, made once for the tests that only look at it."""

import subprocess

import pytest

from devices.mqtt.broker import Mosquitto
from devices.testing.broker import running_broker

ACL = """\
user anna
topic readwrite open/#
topic read closed/#
"""


@pytest.fixture(scope="session")
def guarded(tmp_path_factory):
    """Lets in anna with the password secret; she may write below open/ only, and not read $SYS."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "acl").write_text(ACL)
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(folder / "passwd"), "anna", "secret"], check=True)
    settings = {
        "allow_anonymous": "false",
        "password_file": str(folder / "passwd"),
        "acl_file": str(folder / "acl"),
        "max_packet_size": "1000000",
    }
    with Mosquitto(folder, settings=settings) as broker:
        yield broker


@pytest.fixture(scope="session")
def plain(tmp_path_factory):
    with running_broker("mosquitto", tmp_path_factory.mktemp("plain")) as broker:
        yield broker


@pytest.fixture(scope="session")
def embedded(tmp_path_factory):
    with running_broker("embedded", tmp_path_factory.mktemp("embedded")) as broker:
        yield broker
