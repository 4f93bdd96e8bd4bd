"""What a question to the coordinator says when nobody answers it any more."""

from __future__ import annotations

import gc

import pytest

from coordinator.cli.options import Target
from coordinator.cli.requests import Requests
from coordinator.views.answers import PsAsk
from devices.errors import UnreachableError
from devices.mqtt.address import BrokerAddress
from devices.mqtt.reasons import ConnectionLostError


async def test_a_coordinator_that_leaves_while_it_is_asked_is_told_once(monkeypatch, caplog):
    requests = Requests(Target(BrokerAddress.parse("mqtt://127.0.0.1:1"), "midstream", as_json=False))

    async def publish(*_, **__) -> None:
        requests._fail(requests._left())
        raise ConnectionLostError("the connection ended")

    monkeypatch.setattr(requests._session, "publish", publish)
    with pytest.raises(UnreachableError, match="the connection ended"):
        await requests.ask("ps", PsAsk())
    gc.collect()
    assert "never retrieved" not in caplog.text
