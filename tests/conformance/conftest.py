"""The brokers that the suite runs over, each with its own files on a free port."""

import re

import pytest

from devices.testing.broker import running_broker

BROKERS = [("mosquitto", "home"), ("mosquitto", "stock"), ("embedded", "home")]


@pytest.fixture(scope="module", params=BROKERS, ids=["mosquitto-home", "mosquitto-stock", "embedded"])
def broker(request, tmp_path_factory):
    kind, config = request.param
    with running_broker(kind, tmp_path_factory.mktemp(kind), config) as running:
        running.config = config
        yield running


@pytest.fixture
def name(request):
    """A client id, and a first topic level, that no other test uses."""
    return re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:60]
