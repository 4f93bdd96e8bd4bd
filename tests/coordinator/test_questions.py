"""What can be asked, and what bad questions get."""

from __future__ import annotations

import hashlib
import re

import msgspec
import pytest
from coordinator_house import WASHER, hubs_online, measured
from scripted_hub import TOPICS

from coordinator.cli import showing
from coordinator.ingest.requests import pages
from coordinator.views import answers
from devices.errors import CannotTravelError, MidstreamError, RefusedError, SourceError, UsageError
from devices.protocol import answers as hub_answers
from devices.protocol import checkpoint as blobs
from devices.protocol import commands, limits, messages
from devices.protocol.waits import Deadline, Wait
from devices.runtime import clock


async def test_a_checkpoint_is_taken_and_named_in_the_lineage(asker, washer):
    taken = await asker.ask("checkpoint", instance="washer")
    assert (taken.hub, taken.state, taken.line) == ("hub-a", "running", "washer.py:7")
    root, newest = await asker.ask("lineage", instance="washer")
    assert (newest.checkpoint, newest.parent, newest.newest) == (taken.checkpoint, root.checkpoint, True)
    assert (root.hub, root.reason, root.line) == ("coordinator", "started", "")
    topic = TOPICS.summary(taken.checkpoint)
    await asker.until(lambda: topic in asker.kept)
    summary = messages.decode(asker.kept[topic], messages.CheckpointSummary, topic)
    assert [variable.name for variable in summary.variables] == ["highest"]


async def test_a_checkpoint_that_the_hub_takes_by_itself_is_kept_and_confirmed(asker, washer):
    a, _ = washer
    told = a.capture("washer")
    await a.until(lambda: a.got(commands.Stored))
    assert a.got(commands.Stored)[0].checkpoint == told.checkpoint
    a.answer(None, told)  # it missed the answer, and announces again without the parts
    await a.until(lambda: len(a.got(commands.Stored)) == 2)
    assert len(await asker.ask("lineage", instance="washer")) == 2


async def test_a_checkpoint_of_an_older_epoch_is_fenced(asker, washer):
    a, _ = washer
    copy = a.copies["washer"]
    await asker.ask("migrate", instance="washer", hub="hub-b")
    await a.until(lambda: "washer" not in a.copies)
    a.copies["washer"] = copy
    a.capture("washer")
    await a.until(lambda: len(a.got(commands.Fenced)) == 2)
    assert a.got(commands.Fenced)[1].hub == "hub-b"


async def test_parts_may_come_out_of_order_twice_and_before_their_announcement(asker, washer):
    a, _ = washer
    a.size = 3 * limits.PART

    def shuffled(checkpoint, blob):
        count = -(-len(blob) // limits.PART)
        for number in [*reversed(range(count)), 0]:
            part = blob[number * limits.PART : (number + 1) * limits.PART]
            a.session.publish_nowait(TOPICS.up(checkpoint, number), part)

    a.send_up = shuffled
    taken = await asker.ask("checkpoint", instance="washer")
    assert taken.bytes == len(a.copies["washer"].blob)


async def test_ps_says_what_will_happen_to_a_wait_when_what_does_not_run_is_started(asker, washer):
    a, _ = washer
    copy = a.copies["washer"]
    overdue = Deadline(at=clock.wall() - 7200, left=1020.0, every=3600.0, catch_up="skip")
    copy.header = msgspec.structs.replace(copy.header, wait=Wait(topics="door", deadline=overdue))
    await asker.ask("checkpoint", instance="washer")
    (row,) = await asker.ask("ps")
    assert row.waiting == ""  # it runs: what it waits for is its own to say
    await asker.ask("suspend", instance="washer")
    (row,) = await asker.ask("ps")
    assert re.fullmatch(r"door, overdue since \d\d:\d\d, skipped: next at \d\d:\d\d", row.waiting)
    await asker.ask("resume", instance="washer", hub="hub-a")
    await a.crash()
    await asker.until(lambda: asker.status().hubs == "1/2")
    (row,) = await asker.ask("ps")
    assert (row.state, row.waiting[:18]) == ("running", "door, overdue since"[:18])
    status = messages.HubStatus(state="offline", boot="b", start=2, reason="waits for the clock: it says 1970")
    await asker.session.publish(TOPICS.hub("hub-a", "status"), messages.encode(status), retain=True)
    await asker.until(lambda: any("hub-a is offline (waits for the clock" in it for it in asker.status().attention))
    (row,) = await asker.ask("ps")
    assert row.waiting.startswith("waits for the clock: it says 1970; then door, overdue since")


async def test_suspend_and_resume_in_place_and_elsewhere(asker, washer):
    a, b = washer
    suspended = await asker.ask("suspend", instance="washer")
    assert suspended.state == "suspended"
    assert a.copies["washer"].state == "suspended"
    with pytest.raises(RefusedError, match="suspended already"):
        await asker.ask("suspend", instance="washer")
    resumed = await asker.ask("resume", instance="washer", hub="hub-a")
    assert (resumed.hub, resumed.epoch) == ("hub-a", 2)
    with pytest.raises(RefusedError, match="not suspended"):
        await asker.ask("resume", instance="washer")
    await asker.ask("suspend", instance="washer")
    resumed = await asker.ask("resume", instance="washer", hub="hub-b")
    assert (resumed.hub, resumed.epoch) == ("hub-b", 3)
    assert b.copies["washer"].epoch == 3
    (row,) = await asker.ask("ps")
    assert row.state == "running"


async def test_stop_ends_it_for_good_and_takes_its_claim_off_the_broker(asker, washer):
    a, _ = washer
    await asker.ask("stop", instance="washer")
    await a.until(lambda: a.got(commands.Stop) and "washer" not in a.claims)
    assert await asker.ask("ps") == []
    (row,) = await asker.ask("ps", ended=True)
    assert row.state == "stopped"
    with pytest.raises(RefusedError, match="stopped"):
        await asker.ask("migrate", instance="washer")
    with pytest.raises(RefusedError, match="has stopped already"):
        await asker.ask("stop", instance="washer")


async def test_the_newest_checkpoint_goes_on_under_its_own_name_in_a_new_epoch(asker, washer):
    a, _ = washer
    taken = await asker.ask("checkpoint", instance="washer")
    with pytest.raises(RefusedError, match=r"is running on hub-a"):
        await asker.ask("restore", checkpoint=taken.checkpoint)
    a.end("washer", "failed", error="Traceback ...\n  File washer.py, line 7\nZeroDivisionError: division by zero")
    await asker.until(lambda: asker.told("washer failed"))
    (row,) = await asker.ask("ps", instance="washer")
    assert (row.state, row.reason) == ("failed", "ZeroDivisionError: division by zero")
    await asker.until(lambda: any("ZeroDivisionError" in sentence for sentence in asker.status().attention))
    restored = await asker.ask("restore", checkpoint="washer")
    assert (restored.instance, restored.epoch, restored.checkpoint) == ("washer", 2, taken.checkpoint)


async def test_an_older_checkpoint_starts_a_muted_branch_with_a_name_of_its_own(asker, washer):
    first = await asker.ask("checkpoint", instance="washer")
    await asker.ask("checkpoint", instance="washer")
    with pytest.raises(RefusedError, match="going back to it makes a branch"):
        await asker.ask("restore", checkpoint=first.checkpoint)
    branch = await asker.ask("restore", checkpoint=first.checkpoint[:8], as_new=True, hub="hub-b")
    assert (branch.instance, branch.branch_of, branch.muted, branch.epoch) == ("washer~2", "washer", True, 1)
    loud = await asker.ask("restore", checkpoint=first.checkpoint, as_new=True, unmute=True, name="test")
    assert (loud.instance, loud.muted) == ("test", False)
    rows = await asker.ask("lineage", instance="washer~2")
    assert {row.instance: row.branch for row in rows} == {"washer": 1, "washer~2": 2, "test": 3}
    assert [row.parent for row in rows if row.instance != "washer"] == [first.checkpoint] * 2
    restore = washer[1].got(commands.Restore)[0]
    assert (restore.muted, restore.published) == (True, 0)


async def test_a_checkpoint_comes_in_parts_before_its_answer(asker, washer):
    washer[0].size = 2 * limits.PART
    taken = await asker.ask("checkpoint", instance="washer")
    told = await asker.ask("inspect", checkpoint="washer")
    blob = b"".join(asker.parts[number] for number in range(told.parts))
    assert (told.checkpoint, told.size) == (taken.checkpoint, len(blob))
    assert hashlib.sha256(blob).hexdigest() == told.digest
    assert blobs.decode(blob, public=bytes.fromhex(told.signer)).header.place.line == "washer.py:7"


async def test_what_an_instance_says_is_shown_beside_what_the_store_knows(asker, washer):
    a, _ = washer
    state = messages.InstanceState(
        state="running", function="washer", hub="hub-a", epoch=1, line="washer.py:8", waiting="tele/washer/SENSOR",
        text="watching", lag=3, input_qos=0,
    )  # fmt: skip
    a.publish(TOPICS.instance("washer", "state"), state, retain=True)
    for number in range(3):
        line = msgspec.json.encode({"at": "", "level": "info", "text": f"line {number}\x1b", "hub": "hub-a"})
        a.session.publish_nowait(TOPICS.instance("washer", "log"), line)
    a.measure(instances={"washer": messages.InstanceUse(cpu=12.5, memory=20_000_000)})
    await asker.ask("checkpoint", instance="washer")
    (row,) = await asker.ask("ps")
    assert (row.line, row.waiting, row.text, row.lag, row.input_qos) == (
        "washer.py:8", "tele/washer/SENSOR", "watching", 3, 0,
    )  # fmt: skip
    assert (row.cpu, row.memory) == (12.5, 20_000_000)
    assert [line.text for line in await asker.ask("logs", instance="washer", last=2)] == [
        "line 1\N{REPLACEMENT CHARACTER}",
        "line 2\N{REPLACEMENT CHARACTER}",
    ]


async def test_a_result_is_kept_when_a_function_finishes(asker, washer):
    washer[0].end("washer", "finished", result={"kwh": 1.5})
    await asker.until(lambda: asker.told("washer finished"))
    (row,) = await asker.ask("ps", instance="washer")
    assert (row.state, row.result) == ("finished", {"kwh": 1.5})


async def test_an_end_that_is_told_again_is_noted_again_and_happens_once(house, asker, washer):
    a, _ = washer
    line = {"at": "2026-01-01T00:00:00Z", "level": "info", "text": "almost there", "hub": "hub-a"}
    copy = a.copies["washer"]
    a.end("washer", result=7, log=[line])
    await a.until(lambda: a.got(commands.Noted))
    await house.kill()
    await asker.until(lambda: asker.status().state == "offline")  # its will
    await house.start()
    await asker.until(lambda: (status := asker.status()).state == "online" and status.running == 0)
    a.copies["washer"] = copy
    a.end("washer", result=8)
    await a.until(lambda: len(a.got(commands.Noted)) == 2)
    (row,) = await asker.ask("ps", instance="washer")
    assert (row.state, row.result) == ("finished", 7)
    assert [it.text for it in await asker.ask("logs", instance="washer")] == ["almost there"]
    assert len(asker.told("washer finished")) == 1
    a.answer(None, hub_answers.Ended(hub="hub-b", instance="washer", epoch=1, state="finished"))  # of no hub of its own
    a.end("washer")  # behind it in order
    await a.until(lambda: len(a.got(commands.Noted)) == 3)


async def test_functions_tell_their_parameters_and_where_they_fit(house, asker, washer):
    await house.hub("hub-c", engines=[])
    await hubs_online(asker, 3)
    (row,) = await asker.ask("functions")
    assert (row.name, row.doc, row.instances) == ("washer", "Watches a plug.", ["washer"])
    assert row.parameters == {"plug": "str = 'washer'", "limit": "float = 10.0"}
    assert row.settings["timezone"] == "UTC"
    assert row.places == ["hub-a", "hub-b"]
    assert row.unfit == {"hub-c": "has no engine 'python'"}
    kept = lambda: msgspec.json.decode(asker.kept.get(TOPICS.function("washer"), b"{}"))  # noqa: E731
    await asker.until(lambda: kept().get("unfit") == row.unfit)
    await washer[1].crash()
    await asker.until(lambda: kept()["places"] == ["hub-a"])  # told again when hubs change, and at the start
    started = await asker.ask("run", files={"washer.py": WASHER}, name="dryer")
    assert (started.places, list(started.unfit)) == (["hub-a"], ["hub-b", "hub-c"])
    (one,) = await asker.ask("ps", instance="dryer")
    assert (one.places, one.unfit["hub-c"]) == (["hub-a"], "has no engine 'python'")
    assert [each.places for each in await asker.ask("ps")] == [[], []]


async def test_hubs_tell_metrics_and_what_they_hold(asker, washer):
    rows = await asker.ask("hubs")
    assert [(row.hub, row.state, row.instances) for row in rows] == [
        ("hub-a", "online", ["washer"]),
        ("hub-b", "online", []),
    ]
    assert rows[0].cpu == 10.0
    (one,) = await asker.ask("hubs", hub="hub-b")
    assert one.hub == "hub-b"


async def test_a_hub_tells_what_it_offers_and_what_it_costs(house, asker):
    hub = await house.hub("nas", devices=["zigbee"], data={"photos": "rw"}, functions_memory=2 * 10**9, cost=0.12)
    await hubs_online(asker, 1)
    await measured(asker, hub, cpu=11.0, battery=40.0, mains=False)
    (row,) = await asker.ask("hubs", hub="nas")
    assert (row.devices, row.data, row.functions_memory, row.cost) == (["zigbee"], {"photos": "rw"}, 2 * 10**9, 0.12)
    told = {name: str(value) for name, value in showing.hub_facts(row)}
    assert (told["data"], told["devices"], told["for functions"]) == ("photos (rw)", "zigbee", "2.0 GB")
    assert (told["cost"], told["battery"]) == ("0.12 an hour", "40 %, no mains")


async def test_arguments_are_read_as_the_parameters_say_and_names_stay_free(asker, washer):
    second = await asker.ask("run", files={"washer.py": WASHER}, arguments={"limit": "2.5"})
    assert second.instance == "washer-2"
    named = await asker.ask("run", files={"washer.py": WASHER}, name="dryer", function="washer")
    assert named.instance == "dryer"
    with pytest.raises(RefusedError, match="there is an instance dryer already"):
        await asker.ask("run", files={"washer.py": WASHER}, name="dryer")


@pytest.mark.parametrize(
    ("question", "arguments", "kind", "says"),
    [
        ("ps", {"instance": "washr"}, RefusedError, "no instance 'washr'\n.*did you mean 'washer'"),
        ("migrate", {"instance": "washer", "hub": "hub-x"}, RefusedError, "no hub 'hub-x'"),
        ("migrate", {"instance": "washer", "hub": "hub-a"}, RefusedError, "on hub-a already"),
        ("migrate", {"instance": "dryer"}, RefusedError, "no instance 'dryer'"),
        ("lineage", {"instance": "dryer"}, RefusedError, "no instance"),
        ("logs", {"instance": "dryer"}, RefusedError, "no instance"),
        ("inspect", {"checkpoint": "nothing"}, RefusedError, "no checkpoint"),
        ("run", {"files": {"x.py": "def f(:"}}, SourceError, "x.py:1"),
        ("run", {"files": {"x.py": "a = 1"}}, SourceError, "no @function"),
        ("run", {"files": {}}, SourceError, "0 files"),
        ("run", {"files": {"w.py": WASHER}, "arguments": {"lmit": "1"}}, UsageError, "limit"),
        ("run", {"files": {"w.py": WASHER}, "arguments": {"limit": "much"}}, UsageError, "limit"),
        ("run", {"files": {"w.py": WASHER}, "hub": "hub-x"}, RefusedError, "no hub"),
        ("run", {"files": {"w.py": WASHER}, "name": "A B"}, UsageError, "name"),
        ("ps", {"instnce": "washer"}, UsageError, "instnce"),
        ("fly", {}, UsageError, "no question 'fly'"),
    ],
)
async def test_a_bad_question_gets_one_clear_sentence(asker, washer, question, arguments, kind, says):
    with pytest.raises(kind, match=f"(?s){says}"):
        await asker.ask(question, **arguments)


async def test_an_error_of_a_hub_keeps_its_type_across_two_machines(asker, washer):
    async def fails(hub, command):
        error = CannotTravelError("an open socket cannot travel", place="washer.py:7: sock", remedy="close it before")
        hub.answer(command, hub_answers.Failed(hub=hub.name, id=command.id, instance="washer", error=error.to_wire()))

    washer[0].behaviour["capture"] = fails
    with pytest.raises(CannotTravelError) as caught:
        await asker.ask("checkpoint", instance="washer")
    assert (caught.value.place, caught.value.remedy) == ("washer.py:7: sock", "close it before")
    with pytest.raises(CannotTravelError):
        await asker.ask("suspend", instance="washer")
    (row,) = await asker.ask("ps")
    assert row.state == "running"


async def test_a_request_without_a_place_for_its_answer_is_ignored(house, asker):
    for where in (None, "midstream/hubs/hub-a/command", "midstream/request/answer/a/b", "midstream/request/answer/"):
        await asker.session.publish(
            TOPICS.request, messages.encode(messages.Request(ask="ps")), response_topic=where, correlation=b"x"
        )
    await asker.session.publish(TOPICS.request, b"no JSON", response_topic=asker.where, correlation=b"y")
    await asker.until(lambda: asker.replies.get(b"y"))
    assert not asker.replies[b"y"][0].ok
    assert b"x" not in asker.replies
    assert await asker.ask("ps") == []


async def test_a_request_that_the_broker_delivers_twice_is_answered_once(asker):
    request = messages.encode(messages.Request(ask="ps"))
    for _ in range(2):
        await asker.session.publish(TOPICS.request, request, response_topic=asker.where, correlation=b"same")
    await asker.ask("ps")
    assert len(asker.replies[b"same"]) == 1


async def test_a_plain_client_moves_and_suspends_by_hand(house, asker, washer):
    topic = TOPICS.instance("washer", "set")
    await asker.session.subscribe({f"{topic}/answer": 1})

    async def order(payload, **how):
        asker.kept.pop(f"{topic}/answer", None)
        await asker.session.publish(topic, payload, **how)
        return messages.decode(await asker.until(lambda: asker.kept.get(f"{topic}/answer")), messages.Reply, topic)

    assert (await order(b'{"hub": "hub-b"}')).ok
    assert (await order(b'{"state": "suspended"}')).ok
    (row,) = await asker.ask("ps")
    assert (row.hub, row.state) == ("hub-b", "suspended")
    for wrong in (b"{}", b"nonsense", b'{"state": "flying"}', b'{"hub": "hub-x"}'):
        assert not (await order(wrong)).ok
    assert (await order(b'{"state": "stopped"}', retain=True)).ok
    await asker.ask("restore", checkpoint="washer")
    house.coordinator._line._session.abort()  # the order comes again, as a retained one, at the next connection
    (row,) = await asker.ask("ps")
    assert row.state == "running"


async def test_nothing_runs_anywhere_without_a_hub(asker):
    with pytest.raises(RefusedError, match="none has come yet"):
        await asker.ask("run", files={"washer.py": WASHER})
    status = await asker.ask("status")
    assert not status.well
    assert "no hub has come yet" in status.attention[0]


def test_long_answers_are_cut_into_pages_that_can_be_looked_at():
    rows = [answers.LogRow(at="", level="info", text="x" * 900) for _ in range(100)]
    replies = pages(rows)
    assert [row for reply in replies for row in reply.value] == rows
    assert {(reply.page, reply.pages) for reply in replies} == {(n, len(replies)) for n in range(len(replies))}
    assert all(len(messages.encode(reply)) <= limits.SHOWN_MESSAGE for reply in replies)
    assert pages([])[0].value == []


def test_every_question_has_arguments_and_an_answer_with_a_schema():
    assert answers.QUESTIONS.keys() == answers.ANSWERS.keys()
    for kind in answers.ANSWERS.values():
        assert msgspec.json.schema(kind)


async def test_a_start_that_no_hub_manages_is_told_and_leaves_a_failed_instance(house, asker):
    a = await house.hub("hub-a")
    await hubs_online(asker, 1)

    async def fails(hub, command):
        hub.fail(command, "ImportError: no module named 'pillow'")

    a.behaviour["restore"] = fails
    with pytest.raises(MidstreamError, match="pillow"):
        await asker.ask("run", files={"washer.py": WASHER})
    (row,) = await asker.ask("ps", ended=True)
    assert (row.state, row.epoch) == ("failed", 1)
