"""Workers on a machine whose clock is set under them: libfaketime stands between them and the system's clock."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import pytest_asyncio
from scripted_agent import Workers

from devices.protocol import link
from devices.runtime.spawner_client import Spawner

LIBRARY = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)
HOURS = 3600.0
SLEEPS = """
    @function
    def story(hours: int = 2):
        ctx.sleep(f"{hours}h")
        ctx.next(timeout="3s")
        return ctx.now().timestamp()
"""

pytestmark = pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed (Debian: apt install faketime)")


class WallClock:
    """What the workers take for the time, relative to the real one."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set_by(0)

    def set_by(self, seconds: float) -> None:
        self._file.write_text(f"{seconds:+.0f}\n")


@pytest.fixture
def wall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WallClock:
    clock = WallClock(tmp_path / "time")
    for name, value in {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_TIMESTAMP_FILE": str(tmp_path / "time"),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # a wall clock that is set is nothing to the steady one
    }.items():
        monkeypatch.setenv(name, value)
    return clock


@pytest_asyncio.fixture
async def faked(wall):
    async with Spawner() as spawner:
        made = Workers(spawner)
        yield made
        made.close()


async def test_a_sleep_follows_a_clock_that_is_set_and_a_time_out_does_not(faked, wall):
    """Set back by five hours it must not end; set to a time behind its end it does, however long it slept."""
    hub = await faked.start(SLEEPS)
    asleep = hub.expect(link.Sleeping)
    end = asleep.until
    wall.set_by(-5 * HOURS)
    captured = hub.capture()
    assert captured.wait.deadline.at == end
    assert captured.wait.deadline.left == pytest.approx(7 * HOURS, abs=60)
    wall.set_by(3 * HOURS)
    pulled = hub.expect(link.Pull)  # within the seconds after which it looks at the clock again
    began = time.monotonic()
    assert pulled.until == pytest.approx(end + HOURS + 3, abs=60)
    wall.set_by(9 * HOURS)
    hub.expect(link.Unpull)
    assert time.monotonic() - began >= 2.9
    hub.send(link.Unpulled())
    assert hub.result() == pytest.approx(time.time() + 9 * HOURS, abs=60)
