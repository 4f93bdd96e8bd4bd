"""Real workers, forked by a real spawner."""

from __future__ import annotations

import pytest_asyncio
from scripted_agent import Workers

from devices.runtime.spawner_client import Spawner


@pytest_asyncio.fixture
async def workers():
    async with Spawner() as spawner:
        made = Workers(spawner)
        yield made
        made.close()
