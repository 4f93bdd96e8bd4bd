"""What becomes of sleeps and waits whose time passed while the function was not running; and of clocks that jump."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from devices.protocol import link
from devices.protocol.waits import Deadline, Wait
from devices.runtime import clock, deadline
from devices.runtime.attention import Attention
from devices.runtime.deadline import caught_up, outlook
from devices.runtime.effects import Next, Sleep
from devices.runtime.instance import Instance

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3600.0


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


TWO = at("2026-05-01T02:10")


def hourly(catch_up, **fields) -> Deadline:
    return Deadline(**{"at": TWO, "left": 1020.0, "every": HOUR, "catch_up": catch_up, **fields})


@pytest.mark.parametrize(
    ("read", "now", "then"),
    [
        (hourly("run"), "2026-05-01T05:30", "2026-05-01T02:10"),
        (hourly("run"), "2026-05-01T02:00", "2026-05-01T02:10"),
        (hourly("skip"), "2026-05-01T02:00", "2026-05-01T02:10"),
        (hourly("skip"), "2026-05-01T02:11", "2026-05-01T02:10"),
        (hourly("skip"), "2026-05-01T02:12", "2026-05-01T03:10"),
        (hourly("skip"), "2026-05-01T05:30", "2026-05-01T06:10"),
        (hourly("skip", every=0.0, daily="02:10"), "2026-05-03T05:30", "2026-05-04T02:10"),
        (hourly("skip", every=0.0), "2026-05-03T05:30", "2026-05-01T02:10"),
        (hourly("continue"), "2026-05-01T05:30", "2026-05-01T05:47"),
        (hourly("continue"), "2026-05-01T01:00", "2026-05-01T01:17"),
    ],
)
def test_a_deadline_is_caught_up_with_as_its_policy_says(read, now, then):
    assert caught_up(read, BERLIN, at(now)).at == at(then)


@pytest.mark.parametrize(
    ("wait", "words"),
    [
        (Wait(deadline=hourly("run", at=at("2026-05-01T07:00"))), "sleeps until 07:00"),
        (Wait(deadline=hourly("run")), "overdue since 02:10, runs at start"),
        (Wait(deadline=hourly("skip", at=at("2026-05-01T02:24:30"))), "overdue since 02:24, runs at start"),
        (Wait(deadline=hourly("skip")), "overdue since 02:10, skipped: next at 03:10"),
        (Wait(deadline=hourly("continue")), "17m left, goes on at start"),
        (Wait(topics="door", deadline=hourly("run", at=at("2026-05-01T07:00"))), "door until 07:00"),
        (
            Wait(topics="door", deadline=hourly("run"), listening=9.0),
            "door, overdue since 02:10, runs at start, 9s of listening left",
        ),
        (Wait(topics="door", listening=90.0), "door, 1m 30s of listening left"),
        (Wait(topics="door"), "door"),
    ],
)
def test_the_outlook_says_in_words_what_will_happen_at_the_start(wait, words):
    assert outlook(wait, BERLIN, at("2026-05-01T02:25")) == words


# Clocks that jump: the function's own code, with the two clocks in a test's hand ------------------------------------------


class Clocks:
    """Stands for the hub too: waiting for it lets the time pass, and at some moment the wall clock is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, now: float) -> None:
        self.wall, self.steady = now, 1000.0
        self.jumps: dict[float, float] = {}  # by steady seconds: what the wall clock is moved by
        self.sent: list[link.Frame] = []
        self.answers: list[link.Frame] = []
        monkeypatch.setattr(clock, "wall", lambda: self.wall)
        monkeypatch.setattr(clock, "steady", lambda: self.steady)

    def send(self, frame: link.Frame) -> None:
        self.sent.append(frame)
        if isinstance(frame, link.Unpull):
            self.answers.append(link.Unpulled())

    def receive(self, seconds: float | None = None) -> link.Frame | None:
        if self.answers:
            return self.answers.pop(0)
        assert seconds is not None, "nobody would ever wake it"
        self.wall += seconds
        self.steady += seconds
        for moment in [it for it in self.jumps if it <= self.steady]:
            self.wall += self.jumps.pop(moment)
        return None


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch, at("2026-05-01T12:00"))


@pytest.fixture
def instance(clocks: Clocks) -> Instance:
    begin = link.Begin(instance="story", hub="a", epoch=1, timezone="Europe/Berlin", function="story", catch_up="skip")
    return Instance(begin, clocks, None, Attention(lambda: None), None, {})  # type: ignore[arg-type]


def in_hours(hours: float) -> Deadline:
    return deadline.after(hours * HOUR, "run")


@pytest.mark.parametrize("jump", [5 * HOUR, -5 * HOUR, 1.5 * HOUR, -20.0, 20.0])
def test_a_sleep_ends_at_its_time_on_the_wall_however_the_clock_was_set_meanwhile(clocks, instance, jump):
    end = clocks.wall + 2 * HOUR
    clocks.jumps[clocks.steady + HOUR] = jump
    Sleep(instance, deadline=in_hours(2)).run()
    assert clocks.wall == pytest.approx(max(end, at("2026-05-01T13:00") + jump), abs=11)
    assert clocks.wall >= end


@pytest.mark.parametrize("jump", [5 * HOUR, -5 * HOUR])
def test_until_follows_the_wall_clock_and_a_time_out_knows_nothing_of_it(clocks, instance, jump):
    began, end = clocks.steady, clocks.wall + 2 * HOUR
    clocks.jumps[clocks.steady + HOUR] = jump
    assert Next(instance, timeout=2 * HOUR).run() is None
    assert clocks.steady - began == pytest.approx(2 * HOUR, abs=0.01)
    clocks.wall = at("2026-05-01T12:00")
    clocks.jumps[clocks.steady + HOUR] = jump
    assert Next(instance, deadline=in_hours(2)).run() is None
    assert clocks.wall >= end


def test_a_wait_that_was_read_says_what_is_left_of_it_by_both_clocks(clocks, instance):
    wait = Next(instance, topics="door", timeout=600.0, deadline=in_hours(1))
    clocks.receive(60.0)
    told = wait.told()
    assert (told.topics, told.listening) == ("door", pytest.approx(540.0))
    assert told.deadline is not None
    assert told.deadline.left == pytest.approx(HOUR - 60)
    state = wait.state()
    clocks.wall += 12 * HOUR  # the power is off; so is the steady clock
    assert Next.taken_up(instance, dict(state)).told().listening == pytest.approx(540.0)


def test_a_hub_that_was_deaf_does_not_have_that_counted_as_listening_in_a_checkpoint(clocks, instance):
    wait = Next(instance, timeout=600.0)
    clocks.receive(100.0)
    instance.captures.ask(link.Capture(number=1, hold=False, deaf=40.0))
    assert wait.state()["listened"] == pytest.approx(60.0)


# Workers: a function is read in its wait, and taken up later -----------------------------------------------------------


SLEEP = """
    @function
    def story(catch_up: str | None = None, seconds: float = 1.5):
        began = ctx.now()
        ctx.sleep(seconds, catch_up=catch_up)
        return (ctx.now() - began).total_seconds()
"""


async def slept(workers, own: str, argument: str | None) -> tuple[link.Captured, Callable]:
    hub = await workers.start(SLEEP, arguments={"catch_up": argument}, catch_up=own)
    hub.expect(link.Sleeping)
    captured = hub.capture(hold=True)
    hub.worker.close()
    return captured, lambda: workers.go_on(captured, catch_up=own)


@pytest.mark.parametrize(("own", "argument"), [("continue", None), ("run", "continue")])
async def test_the_time_that_was_left_goes_on_where_the_function_or_the_sleep_says_so(workers, own, argument):
    captured, go_on = await slept(workers, own, argument)
    assert captured.wait is not None
    assert captured.wait.deadline is not None
    assert captured.wait.deadline.catch_up == "continue"
    assert 0 < captured.wait.deadline.left <= 1.5
    await asyncio.sleep(1.6)  # the power is off, until it is overdue
    began = time.monotonic()
    assert (await go_on()).result() >= 1.6 + captured.wait.deadline.left
    assert time.monotonic() - began >= captured.wait.deadline.left


async def test_what_is_less_than_a_minute_overdue_is_run_although_the_function_skips(workers):
    _, go_on = await slept(workers, "skip", None)
    await asyncio.sleep(1.6)
    other = await go_on()
    assert not other.asides
    assert other.result() < 60


async def test_a_policy_that_is_none_is_refused_in_the_functions_own_line(workers):
    hub = await workers.start(SLEEP, arguments={"catch_up": "late"})
    raised = hub.expect(link.Raised)
    assert "catch_up='late' cannot be" in raised.error
    assert 'File "story.py", line 5, in story' in raised.traceback


def test_an_image_of_the_version_before_is_taken_up_and_what_is_overdue_in_it_runs(clocks, instance):
    Sleep.taken_up(instance, {"until": clocks.wall - 5 * HOUR, "waiting": "sleeping until 07:00"}).run()
    old = {"subscriptions": [], "waiting": "door", "where": None, "timeout": None, "listened": 0.0, "message": None}
    assert Next.taken_up(instance, {**old, "until": clocks.wall - 5 * HOUR}).run() is None
    assert Next.taken_up(instance, {**old, "until": None, "timeout": 9.0}).told() == Wait(topics="door", listening=9.0)
