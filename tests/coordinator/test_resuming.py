"""A suspended function goes on when what it waits for has come, and not before."""

from __future__ import annotations

import asyncio
import contextlib
import random
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from coordinator_house import measured

from coordinator.ingest.hubs import Hub
from coordinator.placement.resuming import Watch, Wish, in_words, parse, read
from devices.errors import RefusedError, UsageError
from devices.protocol import answers
from devices.protocol.messages import HubInfo, HubMetrics, HubStatus

MIDNIGHT = 1_767_225_600.0  # 2026-01-01 00:00 UTC


def hub(name: str, at: float, *, state: str = "online", start: int = 1, labels=(), **metrics) -> Hub:
    info = HubInfo(hub=name, version="", arch="", cores=4, memory=10**9, python="3.11", engines=[], labels=list(labels))
    fields = {"cpu": 10.0, "load": 0.1, "memory": 30.0, "memory_available": 10**9, "swap": 0.0, "disk": 10.0}
    told = HubStatus(state="online", boot="", start=start)
    return Hub(
        name, info=info, status=told, metrics=HubMetrics(**(fields | metrics)), state=state, heard=at, measured=at
    )


def watch(text: str, home: str = "a") -> Watch:
    return Watch(parse(text, MIDNIGHT, UTC), home, {"b": 1}, set())


def judged(one: Watch, at: float, *hubs: Hub, room: bool = False, wall: float = MIDNIGHT):
    return one.holds({it.name: it for it in hubs}, room=room, at=at, wall=wall)


def test_a_metric_must_hold_for_as_long_as_was_said_without_a_reading_that_denies_it():
    one = watch("hub.cpu < 50% for 2m")
    assert judged(one, 0.0, hub("a", 0.0)) is None
    assert judged(one, 100.0, hub("a", 100.0, cpu=60.0)) is None
    assert judged(one, 110.0, hub("a", 110.0)) is None
    assert judged(one, 229.0, hub("a", 229.0)) is None
    assert judged(one, 231.0, hub("a", 231.0)) == ["a"]
    assert judged(one, 232.0, hub("a", 232.0)) == ["a"]  # it was refused, and still holds
    assert judged(one, 233.0, hub("a", 233.0, cpu=90.0)) is None


@pytest.mark.parametrize("silent", [{"state": "silent"}, {"state": "offline"}])
def test_a_hub_that_is_away_or_has_not_measured_proves_nothing(silent):
    one = watch("hub.cpu < 50 for 10s")
    assert judged(one, 0.0, hub("a", 0.0)) is None
    assert judged(one, 20.0, hub("a", 20.0, **silent)) is None
    assert judged(one, 21.0, hub("a", 21.0)) is None  # begins anew
    assert judged(one, 60.0, hub("a", 21.0)) is None  # these metrics are old
    assert judged(watch("hub.battery > 50"), 0.0, hub("a", 0.0)) is None  # it has none
    assert judged(watch("hub.cpu < 50"), 0.0) is None


def test_the_metrics_of_a_hub_that_tells_them_rarely_count_until_the_next_ones():
    one = watch("hub.cpu < 50 for 2m")
    for at in range(0, 200, 20):
        rare = hub("a", at - at % 40)
        rare.interval = 40.0
        found = judged(one, at, rare)
    assert found == ["a"]


def test_a_hub_is_back_when_it_was_away_since_and_takes_functions_again():
    one = watch("b is back")
    assert judged(one, 0.0, hub("b", 0.0)) is None
    assert judged(one, 1.0, hub("b", 1.0, state="draining")) is None
    assert one.away == {"b"}
    assert judged(one, 2.0, hub("b", 2.0)) == ["b"]
    assert judged(watch("b is back"), 0.0, hub("b", 0.0, start=2)) == ["b"]  # nobody saw it go


def test_any_hub_with_a_label_means_one_that_takes_functions():
    one = watch("any hub with label gpu")
    assert judged(one, 0.0, hub("a", 0.0), hub("b", 0.0, state="draining", labels=["gpu"])) is None
    assert judged(one, 0.0, hub("b", 0.0, labels=["gpu"]), hub("c", 0.0, labels=["gpu"])) == ["b", "c"]


@pytest.mark.parametrize(
    ("text", "hours"), [("after 22:00", 22), ("after 2h", 2), ("after 30m or after 22:00", 0.5), ("after 00:00", 24)]
)
def test_a_moment_is_counted_from_the_suspension(text, hours):
    one = watch(text)
    assert judged(one, 0.0, wall=MIDNIGHT + hours * 3600 - 1) is None
    assert judged(one, 0.0, wall=MIDNIGHT + hours * 3600) == []


def test_a_time_of_day_is_the_sites():
    clause = parse("after 22:00", MIDNIGHT, ZoneInfo("Europe/Berlin"))[0][0]
    assert clause.moment == MIDNIGHT + 21 * 3600


def test_and_binds_closer_than_or():
    one = watch("after 1h and there is room or hub.cpu > 90")
    assert judged(one, 0.0, hub("a", 0.0), room=True) is None
    assert judged(one, 0.0, hub("a", 0.0), room=False, wall=MIDNIGHT + 3600) is None
    assert judged(one, 0.0, hub("a", 0.0), room=True, wall=MIDNIGHT + 3600) == []
    assert judged(one, 1.0, hub("a", 1.0, cpu=95.0)) == ["a"]


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("when it rains", "'when it rains' is nothing that can be waited for", "hub-a is back"),
        ("hub.cpuu < 50", "there is no metric 'hub.cpuu'", "did you mean hub.cpu?"),
        ("hub.cpu < hot", "is no number", "plain one"),
        ("hub.cpu < 50 for long", "is no duration", "90s"),
        ("after 25:00", "is no time of day", "07:00"),
        ("after dinner", "is no duration", "90s"),
        ("", "is nothing that can be waited for", "after 22:00"),
        ("nas is back and", "is nothing that can be waited for", ""),
        ("x" * 201, "201 characters", ""),
    ],
)
def test_what_cannot_be_waited_for_is_refused_with_what_can(text, message, remedy):
    with pytest.raises(UsageError) as refused:
        parse(text, MIDNIGHT, UTC)
    assert message in refused.value.message
    assert remedy in (refused.value.remedy or "")


PIECES = (
    "hub.cpu < 50%",
    "hub.cpu",
    "for 2m",
    "for",
    "after 22:00",
    "nas is back",
    "with label",
    "there is room",
    "and",
    "or",
)


def test_whatever_is_said_is_read_or_refused():
    chance, understood = random.Random(5), 0
    for _ in range(2000):
        with contextlib.suppress(UsageError):
            understood += bool(parse(" ".join(chance.choices(PIECES, k=chance.randint(1, 5))), MIDNIGHT, UTC))
    assert understood > 100


def test_what_another_version_has_kept_and_this_one_cannot_read_waits_for_a_person():
    wish = Wish(text="the moon is full", since=MIDNIGHT)
    assert judged(Watch(read(wish, UTC), "a", {}, set()), 0.0, hub("a", 0.0), room=True) is None
    assert in_words(wish, "a", {}, UTC, at=0.0, wall=MIDNIGHT) == "until the moon is full"


def test_it_is_told_in_words_with_what_is_so_now():
    hubs = {"a": hub("a", 0.0, cpu=73.0), "b": hub("b", 0.0, state="offline")}

    def words(text: str) -> str:
        return in_words(Wish(text=text, since=MIDNIGHT), "a", hubs, UTC, at=0.0, wall=MIDNIGHT)

    assert words("hub.cpu < 50 for 2m") == "until hub.cpu < 50 for 2m (a: 73)"
    assert words("b is back or after 22:00") == "until b is back (offline) or 22:00"
    assert words("any hub with label gpu and there is room") == (
        "until any hub with label gpu (none is there) and there is room"
    )


async def test_it_goes_on_by_itself_also_after_a_restart_and_says_meanwhile_what_it_waits_for(house, asker, washer):
    _, b = washer
    with pytest.raises(RefusedError, match="there is no hub 'hub-c'"):
        await asker.ask("suspend", instance="washer", until="hub-c is back")
    (row,) = await asker.ask("ps")
    assert row.state == "running"
    await asker.ask("suspend", instance="washer", until="hub-b is back")
    await asker.ask("suspend", instance="washer", until="hub.cpu > 90 or hub-b is back")
    (row,) = await asker.ask("ps")
    assert (row.state, row.until) == ("suspended", "until hub.cpu > 90 (hub-a: 10) or hub-b is back (online)")
    assert row.waiting.startswith(row.until)
    await house.stop()
    await b.crash()
    await house.start()
    await asker.until(lambda: (status := asker.status()) and status.state == "online" and status.hubs == "1/2")
    back = await house.hub("hub-b", start=2, key=b.key)
    await back.until(lambda: "washer" in back.copies)
    await asker.until(lambda: asker.told("it was suspended until hub.cpu > 90 or hub-b is back"))
    (row,) = await asker.ask("ps")
    assert (row.hub, row.state, row.until) == ("hub-b", "running", "")


async def test_nothing_goes_on_by_itself_while_it_is_paused_or_when_a_person_changed_their_mind(house, asker, washer):
    a, _ = washer
    await asker.ask("pause")
    await asker.ask("suspend", instance="washer", until="hub.cpu > 90")
    await measured(asker, a, cpu=95.0)
    await house.coordinator._resumes.look()
    (row,) = await asker.ask("ps")
    assert (row.state, row.until) == ("suspended", "until hub.cpu > 90 (hub-a: 95)")
    await asker.ask("suspend", instance="washer")
    (row,) = await asker.ask("ps")
    assert (row.state, row.until) == ("suspended", "")
    await asker.ask("suspend", instance="washer", until="hub.cpu > 90")
    await asker.ask("pause", off=True)
    await a.until(lambda: a.copies["washer"].epoch == 2)


async def test_what_a_hub_has_suspended_by_itself_waits_for_what_the_hub_says(house, asker, washer):
    a, _ = washer
    copy = a.copies["washer"]

    def report(state: str, until: str) -> None:
        holding = answers.Holding(
            instance="washer", epoch=1, state=state, checkpoint=copy.header.checkpoint, until=until
        )
        a.answer(None, answers.Report(hub="hub-a", boot="b", start=1, holding=[holding]))

    async def row(state: str):
        async with asyncio.timeout(30):
            while (found := (await asker.ask("ps"))[0]).state != state:
                pass
        return found

    report("suspended", "hub.reserve > 30")
    assert (await row("suspended")).until == "until hub.reserve > 30 (hub-a: not known)"
    (event,) = await asker.until(lambda: asker.told("its hub protected itself"))
    assert (event.did, event.why.partition("; ")[2]) == ("suspended washer", "it goes on when hub.reserve > 30")
    report("running", "")  # it was alone once more, and there was enough again
    assert (await row("running")).until == ""
    report("suspended", "hub.reserve > 30")
    await row("suspended")
    a.measure(battery=10.0, mains=True)
    await a.until(lambda: a.copies["washer"].epoch == 2)


async def test_what_a_hub_says_that_nobody_understands_waits_for_a_person(house, asker, washer):
    a, _ = washer
    header = a.copies["washer"].header
    holding = answers.Holding(
        instance="washer", epoch=1, state="suspended", checkpoint=header.checkpoint, until="the sun shines"
    )
    a.answer(None, answers.Report(hub="hub-a", boot="b", start=1, holding=[holding]))
    await asker.until(lambda: asker.told("it goes on when the sun shines"))
    (row,) = await asker.ask("ps")
    assert (row.state, row.until) == ("suspended", "")
